//! `http_config`: authentication and redirects; the rest is not there yet and said so.

use std::path::Path;

use super::read::refuse_unless_empty;
use super::{Authorization, Http, Secret, Source};
use crate::yaml::{Map, Place, Problems};

pub(super) fn read_http(mut map: Map<'_>, folder: &Path, problems: &mut Problems) -> Http {
    let place = map.place();
    let basic = map.map("basic_auth", problems).and_then(|map| read_basic(map, folder, problems));
    let scheme = map.map("authorization", problems).and_then(|map| read_scheme(map, folder, problems));
    let token = secret(&mut map, ["bearer_token", "bearer_token_file"], folder, problems);
    let bearer = token.map(|credentials| Authorization::Scheme { scheme: "Bearer".to_owned(), credentials });
    let given: Vec<Authorization> = [basic, scheme, bearer].into_iter().flatten().collect();
    if given.len() > 1 {
        problems
            .push(place, "at most one of basic_auth, authorization and bearer_token may be given, remove the others");
    }
    let follow_redirects = map.bool("follow_redirects", problems).unwrap_or(true);
    if let Some(entry) = map.entry("enable_http2")
        && map.bool("enable_http2", problems) == Some(false)
    {
        problems.warn(entry.place, "`enable_http2` has no effect, the server chooses the version");
    }
    let later = ["tls_config", "oauth2", "proxy_url", "no_proxy", "proxy_connect_header", "http_headers"];
    for key in later {
        refuse_unless_empty(&mut map, key, problems);
    }
    if let Some(entry) = map.entry("proxy_from_environment")
        && map.bool("proxy_from_environment", problems) == Some(true)
    {
        problems.push(entry.place, format!("`{}` is not yet supported, remove it", map.path("proxy_from_environment")));
    }
    map.finish(problems);
    Http { authorization: given.into_iter().next(), follow_redirects }
}

fn read_basic(mut map: Map<'_>, folder: &Path, problems: &mut Problems) -> Option<Authorization> {
    let username = secret(&mut map, ["username", "username_file"], folder, problems);
    let password = secret(&mut map, ["password", "password_file"], folder, problems);
    let place = map.place();
    map.finish(problems);
    if username.is_none() {
        problems.push(place, "`basic_auth` needs `username` or `username_file`");
    }
    let password = password.unwrap_or_else(|| Source::Inline(Secret::new("")));
    Some(Authorization::Basic { username: username?, password })
}

fn read_scheme(mut map: Map<'_>, folder: &Path, problems: &mut Problems) -> Option<Authorization> {
    let place: Place = map.place();
    let scheme = map.text("type", problems).map(str::trim).filter(|scheme| !scheme.is_empty()).unwrap_or("Bearer");
    if scheme.eq_ignore_ascii_case("basic") {
        problems.push(place, "`authorization` does not take type Basic, write `basic_auth` instead");
    }
    let credentials = secret(&mut map, ["credentials", "credentials_file"], folder, problems);
    map.finish(problems);
    if credentials.is_none() {
        problems.push(place, "`authorization` needs `credentials` or `credentials_file`");
    }
    Some(Authorization::Scheme { scheme: scheme.to_owned(), credentials: credentials? })
}

/// The secret under `inline`, or the path under `file`.
fn secret(map: &mut Map<'_>, [inline, file]: [&str; 2], folder: &Path, problems: &mut Problems) -> Option<Source> {
    let text = map.text(inline, problems).filter(|text| !text.is_empty());
    let path = map.text(file, problems).filter(|path| !path.is_empty());
    if text.is_some() && path.is_some() {
        let both = format!("at most one of `{}` and `{}` may be given, remove one", map.path(inline), map.path(file));
        problems.push(map.place(), both);
    }
    path.map(|path| Source::File(folder.join(path))).or_else(|| text.map(|text| Source::Inline(Secret::new(text))))
}
