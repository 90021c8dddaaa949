//! `/api/v1/rules`: groups and rules with their health, filtered and paged as Prometheus does.

use axum::extract::{Query, State as Extract};
use axum::response::Response;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::State;
use super::alerts::AlertJson;
use super::answer::{invalid_parameter, success};
use super::number::{Number, time};
use crate::alert::matcher::Matchers;
use crate::model::labels::Labels;
use crate::rule::engine::{GroupView, RuleKind, RuleView};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    groups: Vec<GroupJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupJson {
    name: String,
    file: String,
    rules: Vec<RuleJson>,
    interval: Number,
    limit: usize,
    evaluation_time: Number,
    last_evaluation: String,
}

#[derive(Serialize)]
#[serde(untagged)]
enum RuleJson {
    Alerting(AlertingJson),
    Recording(RecordingJson),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertingJson {
    state: &'static str,
    name: String,
    query: String,
    duration: Number,
    keep_firing_for: Number,
    labels: Labels,
    annotations: Labels,
    alerts: Option<Vec<AlertJson>>,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    evaluation_time: Number,
    last_evaluation: String,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordingJson {
    name: String,
    query: String,
    labels: Labels,
    health: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    evaluation_time: Number,
    last_evaluation: String,
    r#type: &'static str,
}

/// The kinds that `type` tells apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Alert,
    Record,
}

impl Kind {
    const fn of(rule: &RuleView) -> Self {
        match rule.kind {
            RuleKind::Alerting { .. } => Self::Alert,
            RuleKind::Recording => Self::Record,
        }
    }
}

/// What a request asks for.
#[derive(Default)]
struct Filter {
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    matchers: Vec<Matchers>,
    kind: Option<Kind>,
    exclude_alerts: bool,
    limit: Option<usize>,
    token: Option<String>,
}

pub(super) async fn list(Extract(state): Extract<State>, Query(pairs): Query<Vec<(String, String)>>) -> Response {
    let filter = match Filter::read(pairs) {
        Ok(filter) => filter,
        Err((name, why)) => return invalid_parameter(name, why),
    };
    match filter.page((state.groups)().await) {
        Ok(data) => success(data),
        Err((name, why)) => invalid_parameter(name, why),
    }
}

type Refused = (&'static str, String);

impl Filter {
    fn read(pairs: Vec<(String, String)>) -> Result<Self, Refused> {
        let mut filter = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "rule_name[]" => filter.names.push(value),
                "rule_group[]" => filter.groups.push(value),
                "file[]" => filter.files.push(value),
                "match[]" => {
                    let braced = value.trim().starts_with('{') && value.trim().ends_with('}');
                    let parsed = if braced {
                        Matchers::parse(&value)
                    } else {
                        Err(format!("`{value}` is not of the form {{a=\"b\"}}"))
                    };
                    filter.matchers.push(parsed.map_err(|why| ("match[]", why))?);
                }
                "type" => filter.kind = kind(&value)?,
                "exclude_alerts" => filter.exclude_alerts = boolean(&value)?,
                "group_limit" if !value.is_empty() => {
                    let limit: Option<usize> = value.parse().ok().filter(|limit| *limit > 0);
                    filter.limit = Some(limit.ok_or(("group_limit", format!("`{value}` is not a positive number")))?);
                }
                "group_next_token" => filter.token = Some(value).filter(|token| !token.is_empty()),
                _ => {}
            }
        }
        if filter.token.is_some() && filter.limit.is_none() {
            return Err(("group_limit", "group_limit needs to be set in order to paginate over the groups".to_owned()));
        }
        Ok(filter)
    }

    fn page(&self, groups: Vec<GroupView>) -> Result<Data, Refused> {
        let mut groups: Vec<GroupView> = groups.into_iter().filter(|group| self.takes_group(group)).collect();
        if let Some(token) = &self.token {
            let at = groups.iter().position(|group| page_token(group) == *token);
            let at = at.ok_or(("group_next_token", "no group follows it: were the rule groups changed?".to_owned()))?;
            groups.drain(..at);
        }
        let mut shown = Vec::new();
        for group in groups {
            if self.limit == Some(shown.len()) {
                return Ok(Data { groups: shown, group_next_token: Some(page_token(&group)) });
            }
            let rules: Vec<RuleJson> =
                group.rules.iter().filter(|rule| self.takes_rule(rule)).map(|rule| self.rule(rule)).collect();
            if !rules.is_empty() {
                shown.push(GroupJson::new(group, rules));
            }
        }
        Ok(Data { groups: shown, group_next_token: None })
    }

    fn takes_group(&self, group: &GroupView) -> bool {
        let wanted = |names: &[String], name: &String| names.is_empty() || names.contains(name);
        wanted(&self.groups, &group.name) && wanted(&self.files, &group.file)
    }

    fn takes_rule(&self, rule: &RuleView) -> bool {
        // A templated label has no value yet.
        let labels = Labels::from_pairs(rule.labels.iter().filter(|(_, value)| !value.contains("{{")));
        (self.names.is_empty() || self.names.contains(&rule.name))
            && self.kind.is_none_or(|kind| kind == Kind::of(rule))
            && (self.matchers.is_empty() || self.matchers.iter().any(|matchers| matchers.matches(&labels)))
    }

    fn rule(&self, rule: &RuleView) -> RuleJson {
        let evaluation_time = Number(rule.evaluation_time);
        let last_evaluation = time(rule.last_evaluation);
        let (name, query, labels) = (rule.name.clone(), rule.query.clone(), rule.labels.clone());
        let (health, last_error) = (rule.health.name(), rule.last_error.clone());
        match &rule.kind {
            RuleKind::Alerting { hold, keep_firing, annotations, state, alerts } => RuleJson::Alerting(AlertingJson {
                state: state.name(),
                name,
                query,
                duration: Number::seconds(*hold),
                keep_firing_for: Number::seconds(*keep_firing),
                labels,
                annotations: annotations.clone(),
                alerts: (!self.exclude_alerts).then(|| alerts.iter().map(AlertJson::new).collect()),
                health,
                last_error,
                evaluation_time,
                last_evaluation,
                r#type: "alerting",
            }),
            RuleKind::Recording => RuleJson::Recording(RecordingJson {
                name,
                query,
                labels,
                health,
                last_error,
                evaluation_time,
                last_evaluation,
                r#type: "recording",
            }),
        }
    }
}

impl GroupJson {
    fn new(group: GroupView, rules: Vec<RuleJson>) -> Self {
        Self {
            interval: Number::seconds(group.interval),
            limit: group.limit,
            evaluation_time: Number(group.evaluation_time),
            last_evaluation: time(group.last_evaluation),
            name: group.name,
            file: group.file,
            rules,
        }
    }
}

/// By which a client asks for the page that begins with this group.
fn page_token(group: &GroupView) -> String {
    format!("{:016x}", xxh3_64(format!("{};{}", group.file, group.name).as_bytes()))
}

fn kind(value: &str) -> Result<Option<Kind>, Refused> {
    match value.to_lowercase().as_str() {
        "" => Ok(None),
        "alert" => Ok(Some(Kind::Alert)),
        "record" => Ok(Some(Kind::Record)),
        other => Err(("type", format!("not supported value {other:?}"))),
    }
}

/// What Go's `strconv.ParseBool` takes.
fn boolean(value: &str) -> Result<bool, Refused> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        other => Err(("exclude_alerts", format!("`{other}` is not a boolean, write true or false"))),
    }
}
