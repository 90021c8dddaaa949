//! Saved is loaded, all of one moment; damaged files say what to do.

use super::*;

fn row(key: &str, body: &str) -> Row {
    Row { key: key.to_owned(), body: body.to_owned() }
}

fn snapshot(saved_at: Millis, alerts: &[(&str, &str)], offset: u64) -> Snapshot {
    Snapshot {
        saved_at,
        alerts: alerts.iter().map(|(key, body)| row(key, body)).collect(),
        notifications: vec![row("log", "{}")],
        positions: vec![
            SavedPosition { signal: Signal::Metrics, sequence: u64::MAX, offset },
            SavedPosition { signal: Signal::Traces, sequence: 1, offset: 0 },
        ],
    }
}

#[tokio::test]
async fn what_is_saved_is_there_after_a_restart_and_only_changes_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = path_in(&folder.path().join("new"));
    let store = Store::open(&path).await.expect("a new database");
    assert_eq!(store.load().await.expect("empty"), Snapshot::default());

    let first = snapshot(1000, &[("a", "1"), ("b", "2")], 7);
    assert_eq!(store.save(&first).await.expect("saved"), 3);
    assert_eq!(store.save(&first).await.expect("saved"), 0);
    store.close().await;

    let store = Store::open(&path).await.expect("the same database");
    assert_eq!(store.load().await.expect("loaded"), first);
    let second = snapshot(2000, &[("b", "3"), ("c", "4")], 9);
    assert_eq!(store.save(&second).await.expect("saved"), 3);
    assert_eq!(store.load().await.expect("loaded"), second);
}

#[tokio::test]
async fn a_process_that_is_killed_leaves_the_last_save() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = path_in(folder.path());
    let store = Store::open(&path).await.expect("a new database");
    let saved = snapshot(1000, &[("a", "1")], 7);
    store.save(&saved).await.expect("saved");
    // What kill -9 leaves: the files as they are, nothing closed.
    let copy = tempfile::tempdir().expect("a folder");
    for file in std::fs::read_dir(folder.path()).expect("files").flatten() {
        std::fs::copy(file.path(), copy.path().join(file.file_name())).expect("copied");
    }
    let store = Store::open(&path_in(copy.path())).await.expect("recovered");
    assert_eq!(store.load().await.expect("loaded"), saved);
}

#[tokio::test]
async fn a_save_that_fails_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&path_in(folder.path())).await.expect("a new database");
    let saved = snapshot(1000, &[("a", "1")], 7);
    store.save(&saved).await.expect("saved");
    let mut twice = snapshot(2000, &[("a", "2")], 8);
    twice.positions.push(twice.positions[0]);
    assert!(store.save(&twice).await.is_err(), "one signal has one position");
    assert_eq!(store.load().await.expect("loaded"), saved);
}

#[tokio::test]
async fn damaged_files_are_named_with_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = path_in(folder.path());
    std::fs::write(&path, "this is no database, but it is long enough to be looked at: ".repeat(99)).expect("written");
    let error = Store::open(&path).await.expect_err("no database");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains(&path.display().to_string()) && message.contains("move it"), "{message}");
    assert!(std::fs::read_to_string(&path).is_ok_and(|text| text.starts_with("this is")), "left as it was");

    let path = folder.path().join("pages.db");
    let store = Store::open(&path).await.expect("a new database");
    let body = "x".repeat(500);
    let keys: Vec<String> = (0..2000).map(|n| format!("key {n}")).collect();
    let rows: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), body.as_str())).collect();
    store.save(&snapshot(1, &rows, 1)).await.expect("saved");
    store.close().await;
    let mut bytes = std::fs::read(&path).expect("a file");
    let len = bytes.len();
    bytes[len / 3..len / 2].fill(0xa5);
    std::fs::write(&path, bytes).expect("written");
    let error = Store::open(&path).await.expect_err("a damaged database");
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error:?}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "").expect("written");
    let error = Store::open(&path_in(&folder.path().join("file"))).await.expect_err("a file is in the way");
    assert!(matches!(&error, StoreError::Unusable { path, .. } if path.ends_with("file")), "{error:?}");
}

#[test]
fn rows_hold_any_value() {
    let row = Row::encode("k", &vec![1, 2]).expect("JSON");
    assert_eq!(row.decode::<Vec<u8>>().expect("the same"), [1, 2]);
    let error = row.decode::<String>().expect_err("another form");
    assert!(error.to_string().starts_with("row `k` cannot be read: invalid type"), "{error}");
}
