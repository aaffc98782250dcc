//! How a line of the log looks: as the library writes it, with the id of the trace it belongs to.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::trace;

/// A format that adds `trace_id` where there is one: to a JSON object as its first field, to a line of text at its end.
pub(super) struct WithTrace<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for WithTrace<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(id) = trace::current_id() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&joined(&line, &id))
    }
}

fn joined(line: &str, id: &str) -> String {
    match line.strip_prefix('{') {
        Some(rest) => format!("{{\"trace_id\":\"{id}\",{rest}"),
        None => format!("{} trace_id={id}\n", line.trim_end_matches('\n')),
    }
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn a_line_says_its_trace_and_stays_one_line() {
        assert_eq!(joined("{\"a\":1}\n", "12"), "{\"trace_id\":\"12\",\"a\":1}\n");
        assert_eq!(joined("INFO said\n", "12"), "INFO said trace_id=12\n");
    }
}
