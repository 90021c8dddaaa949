//! One module a target: `fuzz` takes any bytes and panics if a promise is broken, `seeds` are
//! golden messages to start from. Add a target here, in `TARGETS`, and in `fuzz_targets/`.

pub mod bulk;
pub mod compression;
pub mod otlp_json;
pub mod otlp_logs;
pub mod otlp_traces;
pub mod remote_write;
pub mod zipkin;

/// A fuzz target.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Tries any bytes.
    pub fuzz: fn(&[u8]),
    /// Valid inputs to mutate.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "bulk", fuzz: bulk::fuzz, seeds: bulk::seeds },
    Target { name: "otlp_json", fuzz: otlp_json::fuzz, seeds: otlp_json::seeds },
    Target { name: "otlp_logs", fuzz: otlp_logs::fuzz, seeds: otlp_logs::seeds },
    Target { name: "compression", fuzz: compression::fuzz, seeds: compression::seeds },
    Target { name: "otlp_traces", fuzz: otlp_traces::fuzz, seeds: otlp_traces::seeds },
    Target { name: "remote_write", fuzz: remote_write::fuzz, seeds: remote_write::seeds },
    Target { name: "zipkin", fuzz: zipkin::fuzz, seeds: zipkin::seeds },
];
