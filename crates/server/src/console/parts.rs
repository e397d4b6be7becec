//! The pieces that rows and details are made of: facts with who says them, moments, native ids,
//! severities. Foreign text is made safe to look at here, once.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

use askama::Template;
use askama::filters::{Html, HtmlSafe, escape};
use model::kinds::{General, credential_kind, identity_kind, place_kind};
use model::text::{lines_shown, shown};
use model::{Fact, Party, PartyKind, Severity, State, Time, Value};

/// Text that is already markup: our own words and escaped text, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Markup(pub(crate) String);

impl Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Markup {}

impl Markup {
    /// A rendered piece; a piece that cannot be rendered is left out and the log says so.
    pub(crate) fn of(template: &impl Template) -> Self {
        match template.render() {
            Ok(text) => Self(text),
            Err(error) => {
                tracing::error!(%error, "rendering a piece of a page");
                Self::default()
            }
        }
    }
}

/// Foreign text, safe to look at and escaped.
pub(crate) fn text(foreign: &str) -> Markup {
    Markup(escaped(&shown(foreign)))
}

/// Foreign text of several lines, whole.
pub(crate) fn lines(foreign: &str) -> Markup {
    Markup(escaped(&lines_shown(foreign)))
}

/// Foreign text in which what stands between backticks is code.
pub(crate) fn prose(foreign: &str) -> Markup {
    let safe = escaped(&shown(foreign));
    let pieces: Vec<&str> = safe.split('`').collect();
    let last = pieces.len() - 1;
    let mut markup = String::with_capacity(safe.len());
    for (n, piece) in pieces.into_iter().enumerate() {
        match (n % 2 == 1, n == last) {
            (false, _) => markup.push_str(piece),
            (true, false) => {
                markup.push_str("<code>");
                markup.push_str(piece);
                markup.push_str("</code>");
            }
            // Without a partner it is only a backtick.
            (true, true) => {
                markup.push('`');
                markup.push_str(piece);
            }
        }
    }
    Markup(markup)
}

/// How an owner is called: a team by its handle, which is one wherever it is named.
pub(crate) fn party_title(party: &Party) -> &str {
    if party.kind == PartyKind::Team && party.key.starts_with('@') {
        &party.key
    } else {
        &party.name
    }
}

fn escaped(text: &str) -> String {
    match escape(text, Html) {
        Ok(escaped) => escaped.to_string(),
        Err(never) => match never {},
    }
}

/// An icon of the sprite, hidden from screen readers: a word is always beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Icon(pub(crate) &'static str);

impl Icon {
    pub(crate) fn class(self, class: &'static str) -> Markup {
        Markup(format!(
            "<svg class=\"icon {class}\" aria-hidden=\"true\"><use href=\"{}#{}\"/></svg>",
            crate::assets::url("icons/icons.svg"),
            self.0
        ))
    }
}

impl Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<svg class=\"icon\" aria-hidden=\"true\"><use href=\"{}#{}\"/></svg>",
            crate::assets::url("icons/icons.svg"),
            self.0
        )
    }
}

impl HtmlSafe for Icon {}

/// The icon of a kind of identity: that of its general type.
pub(crate) fn identity_icon(kind: &str) -> Icon {
    Icon(identity_kind(kind).map_or(General::Unknown, |kind| kind.general).id())
}

/// The title of a kind of identity, credential or place; the id where it is a connector's own.
pub(crate) fn kind_title(kind: &str) -> String {
    identity_kind(kind)
        .map(|kind| kind.title)
        .or_else(|| credential_kind(kind).map(|kind| kind.title))
        .or_else(|| place_kind(kind).map(|kind| kind.title))
        .map_or_else(|| shown(kind).into_owned(), str::to_owned)
}

/// `1,234,567`.
pub(crate) fn grouped(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY + DAY / 4;

/// A span in the largest unit that says enough: `12 min`, `5 days`, `3.2 years`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let days = seconds / DAY;
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        HOUR..DAY => format!("{} h", seconds / HOUR),
        _ if days == 1 => "1 day".into(),
        _ if days < 60 => format!("{days} days"),
        _ if days < 730 => format!("{} months", days * 12 / 365),
        _ => {
            let tenths = seconds * 10 / YEAR;
            format!("{}.{} years", tenths / 10, tenths % 10)
        }
    }
}

/// Within this an expiry is soon.
pub(crate) const SOON: Duration = Duration::from_secs(30 * DAY);

/// A moment as it is shown: relative, with the exact time on hover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) exact: String,
    relative: String,
    class: &'static str,
}

impl When {
    /// `5 days ago`, `in 2 h`.
    pub(crate) fn new(time: Time, now: Time) -> Self {
        let relative = match (time > now, time.since(now), now.since(time)) {
            (true, ahead, _) => format!("in {}", span(ahead)),
            (false, _, behind) if behind.as_secs() < 10 => "just now".into(),
            (false, _, behind) => format!("{} ago", span(behind)),
        };
        Self { exact: time.to_string(), relative, class: "" }
    }

    /// How old something made then is: `3.2 years`.
    pub(crate) fn age(time: Time, now: Time) -> Self {
        if time > now {
            return Self::new(time, now);
        }
        Self { exact: time.to_string(), relative: span(now.since(time)), class: "" }
    }

    /// An expiry: `in 12 days`, `expired 3 days ago`.
    pub(crate) fn expiry(time: Time, now: Time) -> Self {
        let mut when = Self::new(time, now);
        if time <= now {
            when.relative = format!("expired {}", when.relative);
            when.class = "past";
        } else if time.since(now) < SOON {
            when.class = "soon";
        }
        when
    }

    pub(crate) fn date(&self) -> String {
        self.exact.chars().take(10).collect()
    }

    pub(crate) fn short(&self) -> String {
        self.date()
    }
}

impl Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exact, relative, class } = self;
        let class = if class.is_empty() { "nowrap".into() } else { format!("nowrap {class}") };
        write!(
            f,
            "<time datetime=\"{exact}\" title=\"{exact}\" class=\"{class}\">{relative}</time>"
        )
    }
}

impl HtmlSafe for When {}

/// A native id shortened in the middle; a click copies it whole, and spelled as it is shown: what is
/// pasted is what was seen, and a line feed pasted into a shell would run what stands before it. The
/// exact bytes are in the API and in exports.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<button class="fact native" type="button" data-copy="{{ whole }}" title="{{ title }} (click to copy)" aria-label="Copy {{ title }}"><code>{{ short }}</code></button>"#
)]
struct NativeId<'a> {
    whole: String,
    title: &'a str,
    short: String,
}

/// Longer native ids are shortened in the middle.
const NATIVE_ID_CHARS: usize = 44;

pub(crate) fn native_id(whole: &str) -> Markup {
    let title = shown(whole);
    let whole = lines_shown(whole).replace('\n', "\\u{a}");
    Markup::of(&NativeId { whole, title: &title, short: shortened(&title, NATIVE_ID_CHARS) })
}

/// Keeps both ends, which tell names of one system apart.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let n = text.chars().count();
    if n <= most {
        return text.to_owned();
    }
    let head = most / 2;
    let tail = most - head - 1;
    let mut short: String = text.chars().take(head).collect();
    short.push('…');
    short.extend(text.chars().skip(n - tail));
    short
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<span class="severity {{ severity.name() }}">{{ Icon(severity.name()) }}{{ severity.name() }}</span>"#
)]
pub(crate) struct SeverityBadge {
    pub(crate) severity: Severity,
}

impl HtmlSafe for SeverityBadge {}

/// A link with an icon before it: the name of a row.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<a class="name" href="{{ href }}" title="{{ name }}">{{ icon }}<span>{{ name }}</span></a>"#
)]
pub(crate) struct NameLink<'a> {
    pub(crate) href: String,
    pub(crate) icon: Icon,
    pub(crate) name: &'a str,
}

/// The values of a page that can be asked "says who?", each answer once.
#[derive(Debug, Default)]
pub(crate) struct Says {
    by_content: BTreeMap<String, usize>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"{% if !reason.is_empty() %}<p class="why">{{ reason }}</p>{% endif %}<dl><dt>State</dt><dd>{{ state }}</dd><dt>Says</dt><dd>{{ source }}</dd>{% if let Some(when) = observed %}<dt>Seen</dt><dd>{{ when }}</dd>{% endif %}{% if let Some(resolution) = resolution %}<dt>Exact to</dt><dd>{{ resolution }}</dd>{% endif %}{% if let Some((from, to)) = window %}<dt>Window</dt><dd>{{ from }} to {{ to }}</dd>{% endif %}</dl>"#
)]
struct SaysContent<'a> {
    reason: String,
    state: &'static str,
    source: &'a str,
    observed: Option<When>,
    resolution: Option<String>,
    window: Option<(String, String)>,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<button class="fact {{ class }}" type="button" popovertarget="says-{{ id }}">{{ value }}</button>"#
)]
struct FactButton {
    class: &'static str,
    id: usize,
    value: Markup,
}

/// The word for a state that is not a value, as people read it.
pub(crate) const fn state_word<T>(state: &State<T>) -> &'static str {
    match state {
        State::Known(_) => "known",
        State::KnownAbsent => "none",
        State::NotObservable => "not observable",
        State::NotCollected => "not collected",
        State::Denied => "denied",
    }
}

impl Says {
    /// A fact with who says it behind it. `source` speaks where the fact does not say.
    pub(crate) fn fact<T>(
        &mut self,
        fact: &Fact<T>,
        source: &str,
        now: Time,
        show: impl FnOnce(&T) -> Markup,
    ) -> Markup {
        let (class, value) = match &fact.state {
            State::Known(value) => ("", show(value)),
            State::KnownAbsent => ("none", Markup("none".into())),
            state => ("unknown", Markup(state_word(state).into())),
        };
        let about = fact.about.as_deref();
        let reason = match (fact.reason(), &fact.state) {
            (Some(reason), _) => shown(reason).into_owned(),
            (None, State::NotCollected) => "The source was not asked for this.".into(),
            (None, State::NotObservable) => "The source has no way to tell.".into(),
            (None, State::Denied) => "The source was asked and refused.".into(),
            (None, _) => String::new(),
        };
        let said_by = about.and_then(|about| about.source.as_deref()).unwrap_or(source);
        let content = Markup::of(&SaysContent {
            reason,
            state: match &fact.state {
                State::KnownAbsent => "known to be none",
                state => state_word(state),
            },
            source: &shown(said_by),
            observed: about.and_then(|about| about.observed_at).map(|time| When::new(time, now)),
            resolution: about
                .and_then(|about| about.resolution_s)
                .map(|seconds| span(Duration::from_secs(seconds.into()))),
            window: about
                .and_then(|about| about.window)
                .map(|window| (window.from.date(), window.to.date())),
        });
        let next = self.by_content.len();
        let id = *self.by_content.entry(content.0).or_insert(next);
        Markup::of(&FactButton { class, id, value })
    }

    /// A fact in a list: a known value stands plainly, so that a row has few stops for the keyboard.
    pub(crate) fn cell<T>(
        &mut self,
        fact: &Fact<T>,
        source: &str,
        now: Time,
        show: impl FnOnce(&T) -> Markup,
    ) -> Markup {
        match &fact.state {
            State::Known(value) => show(value),
            _ => self.fact(fact, source, now, show),
        }
    }

    /// The popovers themselves, once per page.
    pub(crate) fn popovers(&self) -> Markup {
        let mut by_id: Vec<(&usize, &String)> =
            self.by_content.iter().map(|(content, id)| (id, content)).collect();
        by_id.sort_unstable();
        Markup(by_id.iter().fold(String::new(), |popovers, (id, content)| {
            popovers + &format!("<div class=\"says\" id=\"says-{id}\" popover>{content}</div>\n")
        }))
    }
}

/// Something that is unknown for a reason that is ours, not a source's.
pub(crate) fn not_said(word: &str) -> Markup {
    Markup(format!("<span class=\"none\">{}</span>", escaped(word)))
}

pub(crate) fn when(time: Time, now: Time) -> Markup {
    Markup(When::new(time, now).to_string())
}

pub(crate) fn age(time: Time, now: Time) -> Markup {
    Markup(When::age(time, now).to_string())
}

pub(crate) fn expiry(time: Time, now: Time) -> Markup {
    Markup(When::expiry(time, now).to_string())
}

/// A value of a connector's own fact. What looks like a moment is shown as one.
pub(crate) fn value(value: &Value, now: Time) -> Markup {
    match value {
        Value::Text(text) if text.len() >= 20 && text.ends_with('Z') => {
            text.parse().map_or_else(|_| self::text(text), |time| when(time, now))
        }
        Value::List(list) if list.is_empty() => Markup("none".into()),
        Value::List(list) => {
            Markup(list.iter().map(|item| text(item).0).collect::<Vec<_>>().join("<br>"))
        }
        other => text(&other.to_string()),
    }
}

/// What would be here, and the command that fills it.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<div class="empty"><h2>{{ title }}</h2><p>{{ what }}</p>{% if !command.is_empty() %}<pre>{{ command }}</pre>{% endif %}{% if let Some((href, words)) = link %}<a class="button" href="{{ href }}">{{ words }}</a>{% endif %}</div>"#
)]
pub(crate) struct Empty {
    pub(crate) title: String,
    pub(crate) what: String,
    pub(crate) command: &'static str,
    pub(crate) link: Option<(String, &'static str)>,
}

impl HtmlSafe for Empty {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_people_say_them() {
        let now: Time = "2026-11-22T12:00:00Z".parse().unwrap();
        let check = |when: When, expected: &str| assert_eq!(when.relative, expected);
        check(When::new("2026-11-22T11:59:55Z".parse().unwrap(), now), "just now");
        check(When::new("2026-11-22T11:00:00Z".parse().unwrap(), now), "1 h ago");
        check(When::new("2026-11-10".parse().unwrap(), now), "12 days ago");
        check(When::expiry("2026-12-04T13:00:00Z".parse().unwrap(), now), "in 12 days");
        check(When::expiry("2026-11-19T12:00:00Z".parse().unwrap(), now), "expired 3 days ago");
        check(When::age("2023-09-10".parse().unwrap(), now), "3.2 years");
        check(When::age("2026-05-10".parse().unwrap(), now), "6 months");
    }

    #[test]
    fn numbers_are_grouped_and_names_keep_both_ends() {
        assert_eq!(grouped(0_u64), "0");
        assert_eq!(grouped(1_234_567_u64), "1,234,567");
        assert_eq!(shortened("abcdefghij", 7), "abc…hij");
        assert_eq!(shortened("abc", 7), "abc");
    }

    #[test]
    fn what_stands_between_backticks_is_code() {
        let check = |text: &str, expected: &str| assert_eq!(prose(text).0, expected);
        check("run `tutela up`, then", "run <code>tutela up</code>, then");
        check("`<b>`", "<code>&#60;b&#62;</code>");
        check("one ` alone", "one ` alone");
        check("`a` and ` b", "<code>a</code> and ` b");
        check("", "");
    }

    #[test]
    fn foreign_text_cannot_become_markup() {
        assert_eq!(text("<b>\u{202e}").0, "&#60;b&#62;\\u{202e}");
        let id = native_id("\"><script>").0;
        assert!(!id.contains("<script>"), "{id}");
    }
}
