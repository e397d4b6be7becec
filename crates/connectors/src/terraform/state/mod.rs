//! The formats: state of versions 3 and 4, and what `terraform show -json` prints of a state or a
//! plan. OpenTofu writes the same.
//!
//! Resources are handed on one at a time, so that a large state is never a tree in memory. What one
//! element says is read in [`element`] and [`version3`]; no provider is known here. Error messages
//! never quote the text: it holds secrets.

mod element;
mod tree;
mod version3;

use std::fmt;
use std::io::BufRead;

use model::GapReason;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use self::element::Head;
use self::tree::{Room, Tree};
use super::resource::Resource;

/// A larger file is not read.
pub(super) const MAX_BYTES: u64 = 1 << 30;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// `serde_json` reads no deeper than this; what is nested deeper is a gap.
const MAX_DEPTH: usize = 128;

/// What a file is, beside its resources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub n_resources: u64,
    /// Elements that are not of the form a resource has.
    pub n_malformed: u64,
    /// Instances of which a part was left out.
    pub n_cut: u64,
    version: Option<u64>,
    encrypted: bool,
    is_state: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub reason: GapReason,
    pub detail: String,
}

pub(super) type Sink<'a> = &'a mut dyn FnMut(Resource);

/// Reads a file's bytes and hands on its resources. What was handed on before a problem stays
/// handed on.
pub(super) fn read(bytes: &[u8], sink: Sink<'_>) -> Result<Header, Problem> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(empty());
    }
    parse(serde_json::Deserializer::from_slice(bytes), sink)
}

/// The same from a file that is never in memory as a whole: of it, one instance of a resource is.
pub(super) fn read_from(mut file: impl BufRead, sink: Sink<'_>) -> Result<Header, Problem> {
    let failed = |error: std::io::Error| Problem {
        reason: GapReason::Failed,
        detail: error.kind().to_string(),
    };
    let first = file.fill_buf().map_err(failed)?;
    if first.iter().all(u8::is_ascii_whitespace) && first.len() < BYTE_ORDER_MARK.len() {
        return Err(empty());
    }
    if first.starts_with(BYTE_ORDER_MARK) {
        file.consume(BYTE_ORDER_MARK.len());
    }
    parse(serde_json::Deserializer::from_reader(file), sink)
}

fn empty() -> Problem {
    let detail = String::from("empty: no state was ever written, or the write failed");
    Problem { reason: GapReason::Malformed, detail }
}

fn parse<'de, R: serde_json::de::Read<'de>>(
    mut json: serde_json::Deserializer<R>,
    sink: Sink<'_>,
) -> Result<Header, Problem> {
    let mut header = Header::default();
    let top = Top { header: &mut header, sink };
    let read = json.deserialize_map(top).and_then(|()| json.end());
    let problem = |reason, detail: &str| Err(Problem { reason, detail: detail.into() });
    if let Err(error) = read {
        return Err(problem_of(&error));
    }
    if header.encrypted {
        return problem(GapReason::Encrypted, "an OpenTofu state that is encrypted");
    }
    match header.version {
        Some(version @ (0..=2 | 5..)) => {
            problem(GapReason::Unsupported, &format!("state version {version}; 3 and 4 are read"))
        }
        _ if !header.is_state => {
            problem(GapReason::Unsupported, "JSON, but neither a state nor a plan in JSON form")
        }
        _ => Ok(header),
    }
}

/// Line and column, never the text.
fn problem_of(error: &serde_json::Error) -> Problem {
    if error.to_string().starts_with("recursion limit exceeded") {
        let detail = format!("nested deeper than {MAX_DEPTH}");
        return Problem { reason: GapReason::TooDeep, detail };
    }
    let what = if error.is_io() {
        "could not be read further"
    } else if error.is_eof() {
        "ends in the middle"
    } else if error.is_syntax() {
        "is not JSON"
    } else {
        "is not of the form a state has"
    };
    let detail = format!("line {}, column {}: {what}", error.line(), error.column());
    Problem { reason: GapReason::Malformed, detail }
}

struct Top<'a> {
    header: &'a mut Header,
    sink: Sink<'a>,
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a state")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Top { header, sink } = self;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "version" => {
                    header.version = tree(&mut map, header)?.as_u64();
                }
                "encrypted_data" => {
                    map.next_value::<IgnoredAny>()?;
                    header.encrypted = true;
                }
                "resources" => {
                    header.is_state = true;
                    map.next_value_seed(Each { form: Form::Four, header, sink })?;
                }
                "modules" => {
                    header.is_state = true;
                    map.next_value_seed(Each { form: Form::ModuleThree, header, sink })?;
                }
                "values" | "planned_values" | "prior_state" => {
                    header.is_state = true;
                    map.next_value_seed(Shown { header, sink })?;
                }
                "outputs" => {
                    let outputs = tree(&mut map, header)?;
                    header.is_state |= header.version.is_some();
                    element::outputs(&outputs, sink);
                }
                // `.terraform/terraform.tfstate` keeps where the state is, at times with a key to it.
                "backend" => {
                    header.is_state = true;
                    let backend = tree(&mut map, header)?;
                    if let Some(Value::Object(config)) = backend.get("config") {
                        sink(Resource {
                            address: "backend".into(),
                            managed: true,
                            kind: "backend".into(),
                            attributes: config.clone(),
                            ..Resource::default()
                        });
                    }
                }
                // A plan of nothing, and a state of nothing, still say what they are.
                "format_version" | "terraform_version" => {
                    map.next_value::<IgnoredAny>()?;
                    header.is_state = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A scalar where an object or a list is expected is counted and passed over.
macro_rules! counts_scalars {
    (@one $($name:ident: $kind:ty),+) => {
        $(fn $name<E>(self, _: $kind) -> Result<(), E> {
            self.header.n_malformed += 1;
            Ok(())
        })+
    };
    () => {
        counts_scalars!(
            @one visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str
        );
    };
}

/// `{"root_module": …}`, or a whole shown state inside a plan; also a module itself.
struct Shown<'a> {
    header: &'a mut Header,
    sink: Sink<'a>,
}

impl<'de> DeserializeSeed<'de> for Shown<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shown<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a module")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Shown { header, sink } = self;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "values" | "root_module" => map.next_value_seed(Shown { header, sink })?,
                "resources" => map.next_value_seed(Each { form: Form::Shown, header, sink })?,
                "child_modules" => {
                    map.next_value_seed(Each { form: Form::Module, header, sink })?;
                }
                "outputs" => {
                    let outputs = tree(&mut map, header)?;
                    element::outputs(&outputs, sink);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.header.n_malformed += 1;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    counts_scalars!();
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A resource of version 4.
    Four,
    /// A module of version 3.
    ModuleThree,
    /// A resource as shown.
    Shown,
    /// A module as shown.
    Module,
}

/// Each element of a list.
struct Each<'a> {
    form: Form,
    header: &'a mut Header,
    sink: Sink<'a>,
}

impl<'de> DeserializeSeed<'de> for Each<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Each<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of resources")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Each { form, header, sink } = self;
        if form == Form::Module {
            while list.next_element_seed(Shown { header, sink })?.is_some() {}
            return Ok(());
        }
        if form == Form::Four {
            while list.next_element_seed(Four { header, sink })?.is_some() {}
            return Ok(());
        }
        loop {
            let mut room = Room::default();
            let Some(element) = list.next_element_seed(Tree(&mut room))? else { return Ok(()) };
            let mut n_resources = 0;
            let mut counting = |resource| {
                n_resources += 1;
                sink(resource);
            };
            let understood = match form {
                Form::ModuleThree => version3::resources(element, &mut counting),
                _ => element::shown(element, &mut counting),
            };
            header.n_resources += n_resources;
            header.n_malformed += u64::from(understood.is_none());
            header.n_cut += u64::from(room.is_full);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.header.n_malformed += 1;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    counts_scalars!();
}

/// A resource of version 4, its instances one at a time.
struct Four<'a> {
    header: &'a mut Header,
    sink: Sink<'a>,
}

impl<'de> DeserializeSeed<'de> for Four<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Four<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a resource")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Four { header, sink } = self;
        let mut head = Head::default();
        // Terraform writes what a resource is before its instances; others need not.
        let mut early = Vec::new();
        let mut is_known = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "module" => head.module = tree(&mut map, header)?.as_str().map(String::from),
                "mode" => head.mode = tree(&mut map, header)?.as_str().map(String::from),
                "type" => head.kind = tree(&mut map, header)?.as_str().map(String::from),
                "name" => head.name = tree(&mut map, header)?.as_str().map(String::from),
                "instances" if head.kind.is_some() && head.name.is_some() => {
                    is_known = true;
                    map.next_value_seed(Instances { head: &head, header, sink })?;
                }
                "instances" => match tree(&mut map, header)? {
                    Value::Array(instances) => early = instances,
                    _ => header.n_malformed += 1,
                },
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let is_resource = head.kind.is_some() && head.name.is_some();
        header.n_malformed += u64::from(!is_resource && !is_known);
        for instance in early.into_iter().filter(|_| is_resource) {
            header.n_resources += u64::from(element::of_version_4(&head, instance, sink).is_some());
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.header.n_malformed += 1;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.header.n_malformed += 1;
        Ok(())
    }

    counts_scalars!();
}

struct Instances<'a> {
    head: &'a Head,
    header: &'a mut Header,
    sink: Sink<'a>,
}

impl<'de> DeserializeSeed<'de> for Instances<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Instances<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of instances")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Instances { head, header, sink } = self;
        loop {
            let mut room = Room::default();
            let Some(instance) = list.next_element_seed(Tree(&mut room))? else { return Ok(()) };
            header.n_resources += u64::from(element::of_version_4(head, instance, sink).is_some());
            header.n_cut += u64::from(room.is_full);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.header.n_malformed += 1;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    counts_scalars!();
}

/// The next value as a tree, within bounds.
fn tree<'de, A: MapAccess<'de>>(map: &mut A, header: &mut Header) -> Result<Value, A::Error> {
    let mut room = Room::default();
    let value = map.next_value_seed(Tree(&mut room))?;
    header.n_cut += u64::from(room.is_full);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::tree::{MAX_TEXT_BYTES, MAX_VALUES};
    use super::*;

    /// A state of very many instances that is written as it is read.
    struct Endless {
        n_instances: usize,
        n_read: std::rc::Rc<std::cell::Cell<usize>>,
        rest: Vec<u8>,
        n_given: usize,
    }

    impl std::io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if self.rest.is_empty() {
                let n = self.n_given;
                self.n_given += 1;
                let text = match n {
                    0 => String::from(
                        r#"{"version": 4, "resources": [{"mode": "managed", "type": "aws_iam_role", "name": "r", "instances": ["#,
                    ),
                    n if n < self.n_instances => format!(
                        r#"{{"index_key": {n}, "attributes": {{"arn": "arn:aws:iam::123456789012:role/r{n}", "list": [{}]}}}},"#,
                        "1, ".repeat(100) + "1"
                    ),
                    n if n == self.n_instances => {
                        String::from(r#"{"attributes": {"name": "last"}}]}]}"#)
                    }
                    _ => return Ok(0),
                };
                self.rest = text.into_bytes();
            }
            let n = self.rest.len().min(buffer.len());
            buffer[..n].copy_from_slice(&self.rest[..n]);
            self.rest.drain(..n);
            self.n_read.set(self.n_read.get() + n);
            Ok(n)
        }
    }

    #[test]
    fn one_instance_is_in_memory_at_a_time() {
        let n_read = std::rc::Rc::new(std::cell::Cell::new(0));
        let state = Endless {
            n_instances: 5_000,
            n_read: std::rc::Rc::clone(&n_read),
            rest: Vec::new(),
            n_given: 0,
        };
        let (mut n_handed_on, mut n_ahead) = (0_usize, 0);
        let header = read_from(std::io::BufReader::new(state), &mut |resource| {
            n_handed_on += 1;
            let n_bytes = resource.address.len() + 380;
            n_ahead = n_ahead.max(n_read.get().saturating_sub(n_handed_on * n_bytes));
        });
        let n_resources = header.unwrap().n_resources;
        assert_eq!((n_handed_on, n_resources), (5_000, 5_000));
        assert!(n_read.get() > 1 << 20);
        assert!(n_ahead < 256 << 10, "{n_ahead} bytes were read ahead of what was handed on");
    }

    #[test]
    fn what_is_too_large_for_memory_is_left_out_and_counted() {
        let check = |attributes: &str| {
            let state = format!(
                r#"{{"version": 4, "resources": [{{"type": "t", "name": "n", "instances": [
                {{"attributes": {{"before": "x", {attributes}, "after": "x"}}}}, {{"attributes": {{"next": "x"}}}}]}}]}}"#
            );
            let mut kept = Vec::new();
            let header = read(state.as_bytes(), &mut |it| kept.push(it.attributes)).unwrap();
            assert_eq!((header.n_resources, header.n_cut), (2, 1));
            assert!(kept[0].contains_key("before") && !kept[0].contains_key("after"));
            assert!(kept[1].contains_key("next"), "the next one has its own room");
        };
        check(&format!(r#""list": [{}1]"#, "1,".repeat(MAX_VALUES)));
        check(&format!(r#""text": "{}""#, "x".repeat(MAX_TEXT_BYTES)));
        let pairs: String = (0..MAX_VALUES).map(|n| format!(r#""k{n}": 1, "#)).collect();
        check(&format!(r#""map": {{{pairs} "z": 1}}"#));
    }

    #[test]
    fn instances_before_what_they_are_of() {
        let state = r#"{"version": 4, "resources": [{"instances": [{"attributes": {"a": "x"}}],
            "name": "n", "type": "t"}, {"instances": []}, 3]}"#;
        let mut kept = Vec::new();
        let header = read(state.as_bytes(), &mut |it| kept.push(it.address)).unwrap();
        assert_eq!(kept, ["t.n"]);
        assert_eq!(header.n_malformed, 2);
    }
}
