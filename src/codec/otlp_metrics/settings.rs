//! How names and resources are translated: the settings of Prometheus' own `otlp:` section.

/// How metric and label names are translated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// Other characters become underscores; unit and kind are appended to metric names.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// Other characters become underscores; nothing is appended.
    UnderscoreEscapingWithoutSuffixes,
    /// Names keep their characters; unit and kind are appended to metric names.
    NoUtf8EscapingWithSuffixes,
    /// Names stay as they are.
    NoTranslation,
}

impl Strategy {
    /// Every strategy by the name that Prometheus gives it.
    pub const ALL: [(&'static str, Self); 4] = [
        ("UnderscoreEscapingWithSuffixes", Self::UnderscoreEscapingWithSuffixes),
        ("UnderscoreEscapingWithoutSuffixes", Self::UnderscoreEscapingWithoutSuffixes),
        ("NoUTF8EscapingWithSuffixes", Self::NoUtf8EscapingWithSuffixes),
        ("NoTranslation", Self::NoTranslation),
    ];

    /// Whether characters beyond letters, digits and underscores are replaced.
    #[must_use]
    pub const fn escapes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes)
    }

    /// Whether unit and kind are appended to metric names.
    #[must_use]
    pub const fn appends(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes)
    }
}

/// The translation's settings; defaults are Prometheus'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How names are translated.
    pub strategy: Strategy,
    /// Resource attributes that become labels of every series.
    pub promote_resource_attributes: Vec<String>,
    /// Whether `target_info` keeps the attributes that job and instance are made of.
    pub keep_identifying_resource_attributes: bool,
    /// Whether the instrumentation scope becomes `otel_scope_…` labels.
    pub promote_scope_metadata: bool,
    /// Whether a label that would start with one underscore starts with `key_`.
    pub label_name_underscore_sanitization: bool,
    /// Whether underscores in a row stay in label names.
    pub label_name_preserve_multiple_underscores: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strategy: Strategy::default(),
            promote_resource_attributes: Vec::new(),
            keep_identifying_resource_attributes: false,
            promote_scope_metadata: false,
            label_name_underscore_sanitization: true,
            label_name_preserve_multiple_underscores: true,
        }
    }
}
