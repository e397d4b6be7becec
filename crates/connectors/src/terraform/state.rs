//! The formats: state of versions 3 and 4, and what `terraform show -json` prints of a state or a
//! plan. OpenTofu writes the same.
//!
//! Resources are handed on one at a time, so that a large state is never a tree in memory. Error
//! messages never quote the text: it holds secrets.

use std::collections::BTreeSet;
use std::fmt;
use std::io::BufRead;

use crate::address::public_text;
use model::GapReason;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A larger file is not read.
pub(super) const MAX_BYTES: u64 = 1 << 30;
/// Of one instance of a resource (or module of version 3), values and bytes of text beyond these
/// are left out, and a gap says so: it is the part of a state that is a tree in memory.
const MAX_VALUES: usize = 500_000;
const MAX_TEXT_BYTES: usize = 32 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// `serde_json` reads no deeper than this; what is nested deeper is a gap.
pub(super) const MAX_DEPTH: usize = 128;
/// Flat attributes of version 3 with more parts than this in their name are left out.
const MAX_PARTS: usize = 32;
/// A list of a version 3 state with more elements than this is read up to here.
const MAX_ELEMENTS: usize = 100_000;

/// One instance of a resource.
#[derive(Debug, Clone, Default)]
pub(super) struct Resource {
    /// `module.payments.aws_iam_role.worker["eu"]`.
    pub address: String,
    /// `payments`, `queue` …: the modules it is in, outermost first, without their keys.
    pub modules: Vec<String>,
    /// False for what a data source looked up.
    pub managed: bool,
    /// `aws_iam_role`; `output` for an output of the state.
    pub kind: String,
    pub attributes: Map<String, Value>,
    /// Dotted names of attributes that the provider or the configuration marks as sensitive.
    pub sensitive: BTreeSet<String>,
}

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
                    outputs_of(&outputs, sink);
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
                    outputs_of(&outputs, sink);
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
                Form::ModuleThree => of_version_3(element, &mut counting),
                _ => shown(element, &mut counting),
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
            header.n_resources += u64::from(of_version_4(&head, instance, sink).is_some());
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

/// What a resource of version 4 is, beside its instances.
#[derive(Debug, Default)]
struct Head {
    module: Option<String>,
    mode: Option<String>,
    kind: Option<String>,
    name: Option<String>,
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
            header.n_resources += u64::from(of_version_4(head, instance, sink).is_some());
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

/// How large a tree may still become.
#[derive(Debug)]
struct Room {
    n_values: usize,
    n_bytes: usize,
    is_full: bool,
}

impl Default for Room {
    fn default() -> Self {
        Self { n_values: MAX_VALUES, n_bytes: MAX_TEXT_BYTES, is_full: false }
    }
}

impl Room {
    fn take(&mut self, n_bytes: usize) -> bool {
        self.is_full |= self.n_values == 0 || n_bytes > self.n_bytes;
        if !self.is_full {
            self.n_values -= 1;
            self.n_bytes -= n_bytes;
        }
        !self.is_full
    }
}

/// A value, as far as there is room for it: what a state holds may be ten times larger in memory
/// than in its file.
struct Tree<'a>(&'a mut Room);

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while self.0.take(0) {
            let Some(value) = list.next_element_seed(Tree(self.0))? else {
                return Ok(Value::Array(values));
            };
            values.push(value);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while self.0.take(0) {
            let Some(key) = map.next_key::<String>()? else { return Ok(Value::Object(values)) };
            if !self.0.take(key.len()) {
                map.next_value::<IgnoredAny>()?;
                break;
            }
            let value = map.next_value_seed(Tree(self.0))?;
            values.insert(key, value);
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object(values))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(if self.0.take(text.len()) { Value::String(text.to_owned()) } else { Value::Null })
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

/// Outputs that are marked sensitive.
fn outputs_of(outputs: &Value, sink: Sink<'_>) {
    let Value::Object(outputs) = outputs else { return };
    for (name, output) in outputs {
        if output.get("sensitive") != Some(&Value::Bool(true)) {
            continue;
        }
        let Some(value) = output.get("value") else { continue };
        sink(Resource {
            address: format!("output.{name}"),
            managed: true,
            kind: "output".into(),
            attributes: Map::from_iter([(name.clone(), value.clone())]),
            sensitive: BTreeSet::from([name.clone()]),
            ..Resource::default()
        });
    }
}

fn of_version_4(head: &Head, instance: Value, sink: Sink<'_>) -> Option<()> {
    let Value::Object(mut instance) = instance else { return None };
    let (kind, name) = (head.kind.clone()?, head.name.as_deref()?);
    let module = head.module.as_deref().unwrap_or_default();
    let managed = head.mode.as_deref() != Some("data");
    let attributes = match (instance.remove("attributes"), instance.remove("attributes_flat")) {
        (Some(Value::Object(attributes)), _) => attributes,
        (_, Some(Value::Object(flat))) => unflatten(flat),
        _ => return None,
    };
    let key = match instance.get("index_key") {
        Some(Value::String(key)) => format!("[{}]", Value::from(key.as_str())),
        Some(Value::Number(key)) => format!("[{key}]"),
        _ => String::new(),
    };
    let deposed = match instance.get("deposed") {
        Some(Value::String(key)) if !key.is_empty() => format!(" (deposed {key})"),
        _ => String::new(),
    };
    let base = address(module, managed, &kind, name);
    sink(Resource {
        address: public_text(&format!("{base}{key}{deposed}")).into_owned(),
        modules: modules(module),
        managed,
        kind,
        attributes,
        sensitive: marked_paths(instance.get("sensitive_attributes")),
    });
    Some(())
}

fn shown(element: Value, sink: Sink<'_>) -> Option<()> {
    let Value::Object(mut element) = element else { return None };
    let text = |key: &str| element.get(key).and_then(Value::as_str).map(String::from);
    let (kind, name) = (text("type")?, text("name")?);
    let managed = text("mode").as_deref() != Some("data");
    let address = text("address").unwrap_or_else(|| address("", managed, &kind, &name));
    let mut sensitive = BTreeSet::new();
    if let Some(marks) = element.get("sensitive_values") {
        marked_leaves(marks, "", &mut sensitive);
    }
    let Some(Value::Object(attributes)) = element.remove("values") else { return Some(()) };
    let modules = modules(&address);
    sink(Resource { address, modules, managed, kind, attributes, sensitive });
    Some(())
}

fn of_version_3(element: Value, sink: Sink<'_>) -> Option<()> {
    let Value::Object(mut module) = element else { return None };
    let path: Vec<String> = match module.get("path") {
        Some(Value::Array(path)) => {
            path.iter().skip(1).filter_map(Value::as_str).map(String::from).collect()
        }
        _ => Vec::new(),
    };
    let prefix: Vec<String> = path.iter().map(|name| format!("module.{name}")).collect();
    let Some(Value::Object(resources)) = module.remove("resources") else { return Some(()) };
    for (key, resource) in resources {
        let Value::Object(mut resource) = resource else { continue };
        let Some(kind) = resource.get("type").and_then(Value::as_str).map(String::from) else {
            continue;
        };
        let Some(Value::Object(mut primary)) = resource.remove("primary") else { continue };
        let Some(Value::Object(mut flat)) = primary.remove("attributes") else { continue };
        if let Some(id) = primary.remove("id") {
            flat.entry("id").or_insert(id);
        }
        let address = prefix.iter().map(String::as_str).chain([key.as_str()]);
        sink(Resource {
            address: address.collect::<Vec<_>>().join("."),
            modules: path.clone(),
            managed: !key.starts_with("data."),
            kind,
            attributes: unflatten(flat),
            sensitive: BTreeSet::new(),
        });
    }
    Some(())
}

fn address(module: &str, managed: bool, kind: &str, name: &str) -> String {
    let data = if managed { "" } else { "data." };
    let dot = if module.is_empty() { "" } else { "." };
    format!("{module}{dot}{data}{kind}.{name}")
}

/// The modules of an address: `module.a["x.y"].module.b.aws_x.name` → `a`, `b`.
fn modules(address: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = address;
    while let Some(after) = rest.strip_prefix("module.") {
        let end = after.find(['.', '[']).unwrap_or(after.len());
        let (name, mut tail) = after.split_at(end);
        names.push(name.to_owned());
        if tail.starts_with('[') {
            let end = tail.find("].").map_or(tail.len(), |at| at + 1);
            tail = tail.split_at(end).1;
        }
        rest = tail.strip_prefix('.').unwrap_or_default();
    }
    names
}

/// `[[{"type": "get_attr", "value": "password"}], …]` → `password`; indexes are left out.
fn marked_paths(marks: Option<&Value>) -> BTreeSet<String> {
    let Some(Value::Array(paths)) = marks else { return BTreeSet::new() };
    let name_of = |step: &Value| {
        let is_name = step.get("type").and_then(Value::as_str) == Some("get_attr");
        step.get("value").and_then(Value::as_str).filter(|_| is_name).map(String::from)
    };
    let dotted = |path: &Value| match path {
        Value::Array(steps) => {
            let names: Vec<String> = steps.iter().filter_map(name_of).collect();
            (!names.is_empty()).then(|| names.join("."))
        }
        Value::String(name) => Some(name.clone()),
        _ => None,
    };
    paths.iter().filter_map(dotted).collect()
}

/// `{"password": true, "block": [{"key": true}]}` → `password`, `block.key`.
fn marked_leaves(marks: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    match marks {
        Value::Bool(true) => {
            found.insert(prefix.into());
        }
        Value::Object(map) => {
            for (key, value) in map {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                marked_leaves(value, &name, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| marked_leaves(value, prefix, found)),
        _ => {}
    }
}

/// The flat attributes of version 3 as a tree: `tags.%`, `tags.Name`, `rule.#`, `rule.123.port`.
fn unflatten(flat: Map<String, Value>) -> Map<String, Value> {
    let lists: BTreeSet<String> =
        flat.keys().filter_map(|key| key.strip_suffix(".#").map(String::from)).collect();
    let mut tree = Map::new();
    for (key, value) in flat {
        let parts: Vec<&str> = key.split('.').collect();
        let Some((last, path)) = parts.split_last() else { continue };
        if matches!(*last, "#" | "%") || parts.len() > MAX_PARTS {
            continue;
        }
        if let Some(at) = below(&mut tree, path) {
            at.insert((*last).to_owned(), value);
        }
    }
    // Inner lists first: an outer one that is a list already has no keys to go by.
    for list in lists.iter().rev() {
        make_list(&mut tree, list);
    }
    tree
}

/// The object at a path, made where it is missing; none when something else stands in the way (a
/// tag may be called `a`, and another `a.b`).
fn below<'t>(
    tree: &'t mut Map<String, Value>,
    path: &[&str],
) -> Option<&'t mut Map<String, Value>> {
    path.iter().try_fold(tree, |at, part| {
        at.entry((*part).to_owned()).or_insert_with(|| Value::Object(Map::new())).as_object_mut()
    })
}

/// Turns the object at a dotted path into the list of its values, in the order of their keys.
fn make_list(tree: &mut Map<String, Value>, path: &str) {
    let mut parts = path.split('.').peekable();
    let mut at = tree;
    while let Some(part) = parts.next() {
        let Some(next) = at.get_mut(part) else { return };
        if parts.peek().is_some() {
            match next {
                Value::Object(map) => at = map,
                _ => return,
            }
            continue;
        }
        if let Value::Object(map) = next {
            let elements = std::mem::take(map).into_iter().take(MAX_ELEMENTS);
            let mut elements: Vec<(String, Value)> = elements.collect();
            elements.sort_by_key(|(key, _)| (key.parse::<u64>().unwrap_or(u64::MAX), key.clone()));
            *next = Value::Array(elements.into_iter().map(|(_, value)| value).collect());
        }
        return;
    }
}

impl Resource {
    /// A text that is not empty.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        text(&self.attributes, key)
    }

    pub(super) fn texts(&self, key: &str) -> Vec<&str> {
        texts(&self.attributes, key)
    }

    pub(super) fn truth(&self, key: &str) -> Option<bool> {
        match self.attributes.get(key)? {
            Value::Bool(truth) => Some(*truth),
            // Version 3 writes everything as text.
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    pub(super) fn number(&self, key: &str) -> Option<i64> {
        match self.attributes.get(key)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Nested blocks, which are a list of objects, or one object.
    pub(super) fn blocks(&self, key: &str) -> Vec<&Map<String, Value>> {
        blocks(&self.attributes, key)
    }
}

pub(super) fn text<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    map.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

pub(super) fn texts<'a>(map: &'a Map<String, Value>, key: &str) -> Vec<&'a str> {
    match map.get(key) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) if !text.is_empty() => vec![text],
        _ => Vec::new(),
    }
}

pub(super) fn blocks<'a>(map: &'a Map<String, Value>, key: &str) -> Vec<&'a Map<String, Value>> {
    match map.get(key) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_object).collect(),
        Some(Value::Object(block)) => vec![block],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
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
