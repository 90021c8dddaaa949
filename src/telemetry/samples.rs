//! Own metrics as samples, for the rules: what [`Telemetry::render`] writes, read back.

use super::Telemetry;

/// A sample of the own metrics: its labels, the name among them as `__name__`, and its value.
pub type OwnSample = (Vec<(String, String)>, f64);

impl Telemetry {
    /// The metrics as samples, as a scrape would find them.
    #[must_use]
    pub fn samples(&self) -> Vec<OwnSample> {
        self.render().lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect()
    }
}

/// Parses `name{a="b",…} value` of what [`Telemetry::render`] writes.
fn sample(line: &str) -> Option<OwnSample> {
    let end = line.find(['{', ' '])?;
    let mut labels = vec![("__name__".to_owned(), line[..end].to_owned())];
    let mut rest = &line[end..];
    while let Some(inner) = rest.strip_prefix(['{', ',']) {
        let Some((name, value)) = inner.split_once("=\"") else {
            rest = inner.strip_prefix('}')?;
            break;
        };
        let mut text = String::new();
        let mut chars = value.char_indices();
        let close = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => text.push(match chars.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => text.push(other),
            }
        };
        labels.push((name.to_owned(), text));
        rest = &value[close + 1..];
        if let Some(after) = rest.strip_prefix('}') {
            rest = after;
            break;
        }
    }
    let value = rest.trim_start().split(' ').next()?;
    Some((labels, value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::ExporterLabels;
    use super::*;

    #[test]
    fn what_is_rendered_is_read_back() {
        let telemetry = Telemetry::default();
        let exporter = "a\"b\\c\n,}".to_owned();
        telemetry.exporter_paused.get_or_create(&ExporterLabels { exporter: exporter.clone(), signal: "logs" }).set(1);
        telemetry.notify_sent.inc_by(4);
        let samples = telemetry.samples();
        let lines = telemetry.render().lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(samples.len(), lines);
        let labels = [("__name__", "watchgate_exporter_paused"), ("exporter", &*exporter), ("signal", "logs")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert!(samples.contains(&(labels.to_vec(), 1.0)), "{samples:?}");
        assert!(samples.contains(&(vec![("__name__".to_owned(), "watchgate_notify_sent_total".to_owned())], 4.0)));
    }
}
