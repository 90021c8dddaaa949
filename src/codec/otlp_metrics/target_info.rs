//! `target_info`: what is known of a resource beside job and instance, as a series of its own.

use super::context::IDENTIFYING;
use super::walk::Walker;
use super::writer::{Series, Value};
use crate::codec::DecodeError;
use crate::codec::any_value::Attributes;
use crate::limits::TARGET_INFO_SAMPLES_MAX;

/// Time between two samples: half of Prometheus' lookback.
const TARGET_INFO_INTERVAL_NS: u64 = 150 * 1_000_000_000;

impl<'a> Walker<'a, '_> {
    /// Writes what is known of the resource, once for each time.
    pub(super) fn target_info(&mut self, resource: Attributes<'a>) -> Result<(), DecodeError> {
        let identifying = IDENTIFYING.iter().filter(|key| resource.get(key).is_some()).count();
        if resource.iter().count() == identifying {
            return Ok(());
        }
        self.attributes.clear();
        self.attributes.extend(resource.iter());
        let ignored: &[&str] = if self.settings.keep_identifying_resource_attributes { &[] } else { &IDENTIFYING };
        let context = self.context.identity_only();
        let Self { base, attributes, settings, limits, .. } = self;
        // a resource without a name that labels can have, or too many of them, is not told: its points are
        if base.build(attributes, ignored, &context, settings, limits).is_err() {
            return Ok(());
        }
        if !base.has("job") && !base.has("instance") {
            return Ok(());
        }
        let (earliest, latest) = self.seen_ns;
        let steps = (latest - earliest).div_ceil(TARGET_INFO_INTERVAL_NS);
        let first = steps.saturating_sub(TARGET_INFO_SAMPLES_MAX);
        for step in first..=steps {
            let time_ns = latest.min(earliest.saturating_add(step.saturating_mul(TARGET_INFO_INTERVAL_NS)));
            self.put_target_info(time_ns as i64 / 1_000_000)?;
        }
        Ok(())
    }

    fn put_target_info(&mut self, time_ms: i64) -> Result<(), DecodeError> {
        let series = Series {
            base: &self.base,
            name: "target_info",
            extra: None,
            time_ms,
            value: Value::Number(1.0),
            exemplars: &[],
        };
        if self.told.insert((series.hash(), time_ms)) {
            self.writer.put(&series)?;
        }
        Ok(())
    }
}
