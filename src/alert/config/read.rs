//! The top level of the file, `global` and `receivers`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::http::read_http;
use super::tree::read_root;
use super::{Config, Http, Receiver, Secret, Source, Webhook};
use crate::yaml::{self, Map, Node, Place, Problems};

/// Keys of `global` that speak of notifiers which we do not have: harmless, and said.
const GLOBAL_OTHERS: [&str; 45] = [
    "jira_api_url",
    "smtp_from",
    "smtp_hello",
    "smtp_smarthost",
    "smtp_auth_username",
    "smtp_auth_password",
    "smtp_auth_password_file",
    "smtp_auth_secret",
    "smtp_auth_secret_file",
    "smtp_auth_identity",
    "smtp_require_tls",
    "smtp_tls_config",
    "smtp_force_implicit_tls",
    "slack_api_url",
    "slack_api_url_file",
    "slack_app_token",
    "slack_app_token_file",
    "slack_app_url",
    "pagerduty_url",
    "opsgenie_api_url",
    "opsgenie_api_key",
    "opsgenie_api_key_file",
    "wechat_api_url",
    "wechat_api_secret",
    "wechat_api_secret_file",
    "wechat_api_corp_id",
    "victorops_api_url",
    "victorops_api_key",
    "victorops_api_key_file",
    "telegram_api_url",
    "telegram_bot_token",
    "telegram_bot_token_file",
    "webex_api_url",
    "rocketchat_api_url",
    "rocketchat_token",
    "rocketchat_token_file",
    "rocketchat_token_id",
    "rocketchat_token_id_file",
    "mattermost_webhook_url",
    "mattermost_webhook_url_file",
    "hipchat_api_url",
    "hipchat_auth_token",
    "msteams_webhook_url",
    "discord_webhook_url",
    "incidentio_url",
];

/// Alertmanager's notifiers that we do not have yet.
const OTHER_NOTIFIERS: [&str; 18] = [
    "discord_configs",
    "email_configs",
    "incidentio_configs",
    "pagerduty_configs",
    "slack_configs",
    "opsgenie_configs",
    "wechat_configs",
    "pushover_configs",
    "victorops_configs",
    "sns_configs",
    "telegram_configs",
    "webex_configs",
    "msteams_configs",
    "msteamsv2_configs",
    "jira_configs",
    "rocketchat_configs",
    "mattermost_configs",
    "hipchat_configs",
];

/// Reads Alertmanager's file. Paths in it are relative to `folder`. `None` if a problem is an error.
pub fn load(text: &str, folder: &Path, problems: &mut Problems) -> Option<Config> {
    let before = problems.errors();
    let config = match yaml::parse(text) {
        Ok(node) => read(&node, folder, problems),
        Err(problem) => {
            problems.extend([problem]);
            None
        }
    };
    config.filter(|_| problems.errors() == before)
}

fn read(node: &Node, folder: &Path, problems: &mut Problems) -> Option<Config> {
    if node.is_null() {
        problems.push(node.place, "the file is empty, write at least `route: {receiver: NAME}` and `receivers:`");
        return None;
    }
    let mut map = node.map("", problems)?;
    let http = map.map("global", problems).map(|global| read_global(global, folder, problems)).unwrap_or_default();
    let mut receivers: Vec<Receiver> = Vec::new();
    for (index, node) in map.list("receivers", problems).iter().enumerate() {
        let path = format!("receivers[{index}]");
        let Some(receiver) = node.map(&path, problems).and_then(|map| read_receiver(map, &http, folder, problems))
        else {
            continue;
        };
        if receivers.iter().any(|known| known.name == receiver.name) {
            let message = format!("receiver name `{}` is used twice, receivers need names of their own", receiver.name);
            problems.push(node.place, message);
        }
        receivers.push(receiver);
    }
    let route = map.require("route", problems).and_then(|node| read_root(node, &receivers, problems));
    for key in ["inhibit_rules", "templates", "time_intervals", "mute_time_intervals"] {
        refuse_unless_empty(&mut map, key, problems);
    }
    for key in ["tracing", "event_recorder"] {
        refuse_unless_empty(&mut map, key, problems);
    }
    map.finish(problems);
    Some(Config { route: route?, receivers })
}

fn read_global(mut map: Map<'_>, folder: &Path, problems: &mut Problems) -> Http {
    // Our alerts say themselves when they are resolved.
    let _ = map.duration("resolve_timeout", problems);
    let http = map.map("http_config", problems).map(|map| read_http(map, folder, problems));
    for key in GLOBAL_OTHERS {
        if let Some(entry) = map.entry(key) {
            problems.warn(entry.place, format!("`global.{key}` has no effect, its notifier is not yet supported"));
        }
    }
    map.finish(problems);
    http.unwrap_or_default()
}

/// Reports `key` as not yet supported if it holds anything; empty ones are harmless.
pub(super) fn refuse_unless_empty(map: &mut Map<'_>, key: &str, problems: &mut Problems) {
    let Some(entry) = map.entry(key) else { return };
    let empty = match &entry.value.value {
        yaml::Value::Null => true,
        yaml::Value::Sequence(items) => items.is_empty(),
        yaml::Value::Mapping(pairs) => pairs.is_empty(),
        yaml::Value::Scalar { text, .. } => text.is_empty(),
    };
    if !empty {
        let path = map.path(key);
        problems.push(entry.place, format!("`{path}` is not yet supported, remove it"));
    }
}

fn read_receiver(mut map: Map<'_>, http: &Http, folder: &Path, problems: &mut Problems) -> Option<Receiver> {
    let name = map.require("name", problems).and_then(|node| node.text(&map.path("name"), problems));
    if name == Some("") {
        problems.push(map.place(), "a receiver's name may not be empty");
    }
    refuse_unless_empty(&mut map, "labels", problems);
    let path = map.path("webhook_configs");
    let webhooks = map.list("webhook_configs", problems).iter().enumerate().filter_map(|(index, node)| {
        if node.is_null() {
            problems.push(node.place, format!("`{path}[{index}]` is empty, write `- url: http://…`"));
        }
        let map = node.map(&format!("{path}[{index}]"), problems)?;
        read_webhook(map, http, folder, problems).map(Arc::new)
    });
    let webhooks = webhooks.collect();
    for key in OTHER_NOTIFIERS {
        refuse_unless_empty(&mut map, key, problems);
    }
    map.finish(problems);
    Some(Receiver { name: name?.into(), webhooks })
}

fn read_webhook(mut map: Map<'_>, http: &Http, folder: &Path, problems: &mut Problems) -> Option<Webhook> {
    let place = map.place();
    let url_at = map.entry("url").map_or(place, |entry| entry.value.place);
    let url = map.text("url", problems).filter(|url| !url.is_empty());
    let file = map.text("url_file", problems).filter(|file| !file.is_empty());
    let url = read_url(url, file, folder, url_at, problems);
    let send_resolved = map.bool("send_resolved", problems).unwrap_or(true);
    let max_alerts = map.uint("max_alerts", problems).unwrap_or(0);
    let timeout = map.duration("timeout", problems).and_then(|wait| u64::try_from(wait).ok()).filter(|wait| *wait > 0);
    let own_http = map.map("http_config", problems).map(|map| read_http(map, folder, problems));
    refuse_unless_empty(&mut map, "payload", problems);
    map.finish(problems);
    Some(Webhook {
        url: url?,
        send_resolved,
        max_alerts: usize::try_from(max_alerts).unwrap_or(usize::MAX),
        timeout: timeout.map(Duration::from_millis),
        http: own_http.unwrap_or_else(|| http.clone()),
    })
}

/// The URL, or the file that holds it. Messages never repeat it: it may hold a token.
fn read_url(
    url: Option<&str>,
    file: Option<&str>,
    folder: &Path,
    place: Place,
    problems: &mut Problems,
) -> Option<Source> {
    let wrong = match (url, file) {
        (None, Some(file)) => return Some(Source::File(folder.join(file))),
        (Some(url), None) => match check_url(url) {
            Ok(()) => return Some(Source::Inline(Secret::new(url))),
            Err(wrong) => wrong,
        },
        (None, None) => "a webhook needs `url` or `url_file`",
        (Some(_), Some(_)) => "a webhook takes `url` or `url_file`, not both: remove one",
    };
    problems.push(place, wrong);
    None
}

/// What is wrong with a URL to post to.
///
/// # Errors
/// A phrase that does not repeat the URL.
pub fn check_url(url: &str) -> Result<(), &'static str> {
    if url.contains("{{") {
        return Err("templates in `url` are not yet supported, write the URL out");
    }
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let rest = rest.ok_or("the URL must begin with http:// or https://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return Err("the URL names no host, write http://HOST:PORT/PATH");
    }
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("the URL holds spaces or control characters, encode them");
    }
    Ok(())
}
