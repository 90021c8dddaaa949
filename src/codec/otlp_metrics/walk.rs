//! One pass over an `ExportMetricsServiceRequest`: every valid point becomes series.

use std::collections::HashSet;

use super::base::{Base, IGNORED};
use super::context::Context;
use super::exemplar::Encoded;
use super::exponential::Native;
use super::name::{self, Kind};
use super::settings::Settings;
use super::writer::Writer;
use crate::codec::any_value::{self, AnyValue, Attributes};
use crate::codec::proto::{Cursor, ProtoError};
use crate::codec::{DecodeError, DecodeErrorKind, Walked};
use crate::limits::Limits;
use crate::model::sample::StagedSamples;

/// `DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`.
const NO_RECORDED_VALUE: u64 = 1;

/// `AggregationTemporality`.
const DELTA: u64 = 1;
const CUMULATIVE: u64 = 2;

/// Reads a request once and translates it: `staged.body` becomes a `prometheus.WriteRequest`,
/// decompressed, with its number samples staged; `staged`'s former content is replaced.
///
/// `items` counts the samples and histograms written, `rejected` the data points that were not taken:
/// without a time, of delta or no temporality, with names that leave nothing, crossing a bound of
/// `limits`, or with counts that contradict each other. [`Walked::kept`] is always `None`.
///
/// # Errors
/// If the bytes are no such request, a resource's or scope's attributes are nested too deeply, or the
/// write request would be larger than `limits.request_bytes_max`; `staged` is unspecified then.
pub fn walk(
    body: &[u8],
    settings: &Settings,
    limits: &Limits,
    staged: &mut StagedSamples,
) -> Result<Walked, DecodeError> {
    let mut walker = Walker {
        settings,
        limits,
        writer: Writer::new(staged, limits.request_bytes_max),
        attributes: Vec::new(),
        exemplars: Vec::new(),
        base: Base::default(),
        context: Context::default(),
        names: Names::default(),
        bounds: Vec::new(),
        counts: Vec::new(),
        native: Native::default(),
        encoded: Encoded::default(),
        le: String::new(),
        seen_ns: (u64::MAX, 0),
        told: HashSet::new(),
        walked: Walked::default(),
    };
    let mut request = Cursor::new(body);
    while let Some((number, value)) = request.next()? {
        if number == 1 {
            walker.resource_metrics(request.nested(value)?, request.bytes(value)?)?;
        }
    }
    let mut walked = walker.walked;
    let (items, times) = walker.writer.close();
    walked.items = items;
    (walked.time_min_ms, walked.time_max_ms) = times.bounds();
    Ok(walked)
}

/// Why a point gives no series.
#[derive(Debug)]
pub(super) enum Bad {
    /// The point alone is rejected.
    Point(String),
    /// The request cannot be read on.
    Request(DecodeError),
}

impl From<ProtoError> for Bad {
    fn from(error: ProtoError) -> Self {
        Self::Request(error.into())
    }
}

impl From<DecodeError> for Bad {
    fn from(error: DecodeError) -> Self {
        if error.kind == DecodeErrorKind::TooDeep { Self::Point(error.what) } else { Self::Request(error) }
    }
}

/// A point's time in milliseconds.
pub(super) fn millis(time_ns: u64) -> Result<i64, Bad> {
    if time_ns == 0 { Err(Bad::Point("no time (time_unix_nano)".to_owned())) } else { Ok(time_ns as i64 / 1_000_000) }
}

/// Whether the flags say that the series ended.
pub(super) const fn is_stale(flags: u64) -> bool {
    flags & NO_RECORDED_VALUE != 0
}

/// The names of one metric's series.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) family: String,
    pub(super) bucket: String,
    pub(super) sum: String,
    pub(super) count: String,
}

/// What is known of a metric before its points are read.
struct Metric<'a> {
    name: &'a str,
    unit: &'a str,
    /// Field number of the data, and where its first piece starts.
    data: Option<(u32, usize)>,
}

pub(super) struct Walker<'a, 's> {
    pub(super) settings: &'s Settings,
    pub(super) limits: &'s Limits,
    pub(super) writer: Writer<'s>,
    /// The point's attributes.
    pub(super) attributes: Vec<(&'a str, AnyValue<'a>)>,
    /// The point's exemplars, unread.
    pub(super) exemplars: Vec<Cursor<'a>>,
    pub(super) base: Base,
    pub(super) context: Context,
    pub(super) names: Names,
    /// Bits of the point's bounds, or of its quantiles.
    pub(super) bounds: Vec<u64>,
    /// The point's bucket counts, or the bits of its quantiles' values.
    pub(super) counts: Vec<u64>,
    pub(super) native: Native,
    pub(super) encoded: Encoded,
    /// The value of a series' `le` or `quantile`.
    pub(super) le: String,
    /// Earliest and latest point of the resource.
    pub(super) seen_ns: (u64, u64),
    /// `target_info` samples written: labels' hash and time.
    pub(super) told: HashSet<(u64, i64)>,
    walked: Walked,
}

impl<'a> Walker<'a, '_> {
    fn resource_metrics(&mut self, group: Cursor<'a>, message: &'a [u8]) -> Result<(), DecodeError> {
        let mut fields = group.clone();
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => check_attributes(fields.nested(value)?, 1, self.limits.nesting_max)?,
                3 => {
                    fields.text(value)?;
                }
                _ => {}
            }
        }
        let resource = Attributes::in_pieces(message, 1, 1);
        let mut refusal = None;
        match Context::of_resource(resource, self.settings) {
            Ok(context) => self.context = context,
            Err(why) => refusal = Some(why),
        }
        self.seen_ns = (u64::MAX, 0);
        let mut fields = group;
        while let Some((number, value)) = fields.next()? {
            if number == 2 {
                self.scope_metrics(fields.nested(value)?, fields.bytes(value)?, refusal.as_deref())?;
            }
        }
        if self.seen_ns.0 < u64::MAX {
            self.target_info(resource)?;
        }
        Ok(())
    }

    fn scope_metrics(
        &mut self,
        group: Cursor<'a>,
        message: &'a [u8],
        refusal: Option<&str>,
    ) -> Result<(), DecodeError> {
        let [mut name, mut version, mut schema_url] = [""; 3];
        let mut fields = group.clone();
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => {
                    let mut scope = fields.nested(value)?;
                    check_attributes(scope.clone(), 3, self.limits.nesting_max)?;
                    while let Some((number, value)) = scope.next()? {
                        match number {
                            1 => name = scope.text(value)?,
                            2 => version = scope.text(value)?,
                            _ => {}
                        }
                    }
                }
                3 => schema_url = fields.text(value)?,
                _ => {}
            }
        }
        let mut refusal = refusal.map(str::to_owned);
        if self.settings.promote_scope_metadata {
            let attributes = Attributes::in_pieces(message, 1, 3);
            let set = self.context.set_scope([name, version, schema_url], attributes, self.settings);
            refusal = refusal.or(set.err());
        }
        let mut fields = group;
        while let Some((number, value)) = fields.next()? {
            if number == 2 {
                self.metric(fields.nested(value)?, refusal.as_deref())?;
            }
        }
        Ok(())
    }

    fn metric(&mut self, mut fields: Cursor<'a>, refusal: Option<&str>) -> Result<(), DecodeError> {
        let mut all = fields.clone();
        let mut metric = Metric { name: "", unit: "", data: None };
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => metric.name = fields.text(value)?,
                2 => {
                    fields.text(value)?;
                }
                3 => metric.unit = fields.text(value)?,
                // of several kinds the last one counts, and its pieces after any other kind
                5 | 7 | 9..=11 if metric.data.is_none_or(|(kind, _)| kind != number) => {
                    metric.data = Some((number, fields.field_start()));
                }
                _ => {}
            }
        }
        let Some((kind, from)) = metric.data else { return Ok(()) };
        let (mut temporality, mut monotonic) = (0, false);
        let mut pieces = Vec::new();
        while let Some((number, value)) = all.next()? {
            if number != kind || all.field_start() < from {
                continue;
            }
            let piece = all.nested(value)?;
            let mut fields = piece.clone();
            while let Some((number, value)) = fields.next()? {
                match number {
                    2 => temporality = fields.varint(value)?,
                    3 => monotonic = fields.varint(value)? != 0,
                    _ => {}
                }
            }
            pieces.push(piece);
        }
        let verdict = match refusal {
            Some(why) => Err(why.to_owned()),
            None => check_temporality(kind, temporality).and_then(|()| self.set_names(&metric, kind, monotonic)),
        };
        for mut points in pieces {
            while let Some((number, value)) = points.next()? {
                if number == 1 {
                    let point = points.nested(value)?;
                    let verdict = verdict.clone().map_err(Bad::Point).and_then(|()| self.point(kind, point));
                    match verdict {
                        Ok(()) => {}
                        Err(Bad::Point(why)) => self.reject(metric.name, &why),
                        Err(Bad::Request(error)) => return Err(error),
                    }
                }
            }
        }
        Ok(())
    }

    fn set_names(&mut self, metric: &Metric<'_>, kind: u32, monotonic: bool) -> Result<(), String> {
        let named = match kind {
            5 => Kind::Gauge,
            7 if monotonic => Kind::Counter,
            _ => Kind::Other,
        };
        let Names { family, bucket, sum, count } = &mut self.names;
        name::write(metric.name, metric.unit, named, self.settings.strategy, family)?;
        let most = self.limits.label_value_bytes_max;
        if family.len() + "_bucket".len() > most {
            return Err(format!("a name of {} bytes, at most {most}", family.len()));
        }
        if kind > 7 {
            for (name, suffix) in [(bucket, "_bucket"), (sum, "_sum"), (count, "_count")] {
                name.clone_from(family);
                name.push_str(suffix);
            }
        }
        Ok(())
    }

    fn point(&mut self, kind: u32, point: Cursor<'a>) -> Result<(), Bad> {
        self.attributes.clear();
        self.exemplars.clear();
        match kind {
            5 => self.number(point, false),
            7 => self.number(point, true),
            9 => self.histogram(point),
            10 => self.exponential(point),
            _ => self.summary(point),
        }
    }

    /// Remembers one attribute of the point.
    #[inline]
    pub(super) fn attribute(&mut self, mut pair: Cursor<'a>) -> Result<(), Bad> {
        let (mut key, mut any) = ("", AnyValue::Empty);
        while let Some((number, value)) = pair.next()? {
            match number {
                1 => key = pair.text(value)?,
                2 => {
                    let message = pair.nested(value)?;
                    any = AnyValue::read(message.clone())?;
                    if matches!(any, AnyValue::Array(_) | AnyValue::Map(_)) {
                        any_value::check_value(message, self.limits.nesting_max)?;
                    }
                }
                _ => {}
            }
        }
        self.attributes.push((key, any));
        Ok(())
    }

    /// Makes the base of the point's series of its attributes.
    pub(super) fn build_base(&mut self) -> Result<(), Bad> {
        let Self { base, attributes, context, settings, limits, .. } = self;
        base.build(attributes, &IGNORED, context, settings, limits).map_err(Bad::Point)
    }

    /// Remembers the time of a point that was written.
    pub(super) fn saw(&mut self, time_ns: u64) {
        self.seen_ns = (self.seen_ns.0.min(time_ns), self.seen_ns.1.max(time_ns));
    }

    fn reject(&mut self, metric: &str, why: &str) {
        self.walked.rejected = self.walked.rejected.saturating_add(1);
        self.walked.first_rejection.get_or_insert_with(|| {
            let shown: String = metric.chars().take(64).collect();
            format!("metric {shown:?}: {why}")
        });
    }
}

/// What a metric is rejected for whose points do not add up over time.
fn check_temporality(kind: u32, temporality: u64) -> Result<(), String> {
    match (kind, temporality) {
        (5 | 11, _) | (_, CUMULATIVE) => Ok(()),
        (_, DELTA) => Err("delta temporality is not supported: set \
            OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative at the sender, or put a Collector's \
            deltatocumulative processor before Watchgate"
            .to_owned()),
        _ => Err("no aggregation temporality: send cumulative".to_owned()),
    }
}

fn check_attributes(mut message: Cursor<'_>, field: u32, nesting_max: usize) -> Result<(), DecodeError> {
    while let Some((number, value)) = message.next()? {
        if number == field {
            any_value::check(message.nested(value)?, nesting_max)?;
        }
    }
    Ok(())
}
