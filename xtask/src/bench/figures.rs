//! What was measured, as a table.

use std::time::Duration;

/// One line: what was measured, what it came to, what is wanted of it at full scale, and what the
/// machine could do at best.
#[derive(Debug)]
struct Figure {
    what: String,
    value: String,
    wanted: String,
    limit: String,
}

#[derive(Debug)]
pub(crate) struct Figures {
    scale: f64,
    list: Vec<Figure>,
}

impl Figures {
    pub(crate) const fn new(scale: f64) -> Self {
        Self { scale, list: Vec::new() }
    }

    /// Adds a line, and says it at once: a run takes minutes.
    pub(crate) fn add(&mut self, what: &str, figure: &str, wanted: &str, limit: &str) {
        eprintln!("{what}: {figure}");
        self.list.push(Figure {
            what: what.to_owned(),
            value: figure.to_owned(),
            wanted: wanted.to_owned(),
            limit: limit.to_owned(),
        });
    }

    /// As a Markdown table, which reads as well in a terminal.
    pub(crate) fn print(&self) {
        println!("scale {}\n", self.scale);
        let rows = self.list.iter();
        let widest = |field: fn(&Figure) -> &str, heading: &str| {
            rows.clone()
                .map(|row| field(row).chars().count())
                .chain([heading.len()])
                .max()
                .unwrap_or(0)
        };
        let what = widest(|row| &row.what, "what");
        let figure = widest(|row| &row.value, "figure");
        let wanted = widest(|row| &row.wanted, "wanted");
        let limit = widest(|row| &row.limit, "this machine");
        println!(
            "| {:what$} | {:figure$} | {:wanted$} | {:limit$} |",
            "what", "figure", "wanted", "this machine"
        );
        println!(
            "|{:-<1$}|{2:-<3$}|{4:-<5$}|{6:-<7$}|",
            "",
            what + 2,
            "",
            figure + 2,
            "",
            wanted + 2,
            "",
            limit + 2
        );
        for row in &self.list {
            println!(
                "| {:what$} | {:figure$} | {:wanted$} | {:limit$} |",
                row.what, row.value, row.wanted, row.limit
            );
        }
    }
}

/// Half of the times are shorter than the first, one in a hundred is longer than the second.
pub(crate) fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |percent: usize| {
        let last = times.len().saturating_sub(1);
        times.get((times.len() * percent / 100).min(last)).copied().unwrap_or_default()
    };
    (at(50), at(99))
}

pub(crate) fn span(span: Duration) -> String {
    if span >= Duration::from_secs(1) {
        format!("{:.1} s", span.as_secs_f64())
    } else if span >= Duration::from_millis(1) {
        format!("{:.1} ms", span.as_secs_f64() * 1e3)
    } else {
        format!("{:.0} µs", span.as_secs_f64() * 1e6)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for a person")]
pub(crate) fn rate(n: u64, span: Duration, unit: &str) -> String {
    let rate = n as f64 / span.as_secs_f64().max(1e-9);
    match rate {
        1e9.. => format!("{:.1} G{unit}/s", rate / 1e9),
        1e6.. => format!("{:.1} M{unit}/s", rate / 1e6),
        1e3.. => format!("{:.0} k{unit}/s", rate / 1e3),
        _ => format!("{rate:.0} {unit}/s"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for a person")]
pub(crate) fn bytes(n: u64) -> String {
    match n {
        1_000_000_000.. => format!("{:.2} GB", n as f64 / 1e9),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}
