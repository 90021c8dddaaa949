//! The SQL. Rows whose body did not change since the last save are not written again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Row as _, Sqlite, Transaction};
use tokio::sync::Mutex;
use xxhash_rust::xxh3::xxh3_64;

use super::{Row, SavedPosition, Snapshot, StoreError};
use crate::model::signal::Signal;

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations");

/// How long a statement waits for another process's lock, such as a `sqlite3` shell's.
const BUSY: Duration = Duration::from_secs(5);

/// SQLite's primary result codes of a damaged file: `SQLITE_CORRUPT`, `SQLITE_NOTADB`.
const DAMAGED: [i32; 2] = [11, 26];

/// Hashes of the rows in the database, by key, for each table.
#[derive(Debug, Default)]
struct Written {
    alerts: HashMap<String, u64>,
    notifications: HashMap<String, u64>,
}

/// The database. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
    pool: SqlitePool,
    written: Arc<Mutex<Written>>,
}

impl Store {
    /// Opens the file, creates it if it is not there, brings its tables up to date.
    ///
    /// # Errors
    /// Each names the path; a damaged file is left as it is, with words on what to do.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let explain = |error| explain(path, error);
        if let Some(folder) = path.parent() {
            let created = std::fs::create_dir_all(folder);
            created.map_err(|error| StoreError::Unusable { path: folder.to_owned(), cause: error.to_string() })?;
        }
        let options = SqliteConnectOptions::from_str("sqlite:")
            .map_err(explain)?
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await.map_err(explain)?;
        if let Err(error) = MIGRATIONS.run(&pool).await {
            pool.close().await;
            return Err(explain_migration(path, error));
        }
        let store = Self { path: path.to_owned(), pool, written: Arc::default() };
        store.check().await?;
        Ok(store)
    }

    /// The snapshot saved last.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn load(&self) -> Result<Snapshot, StoreError> {
        let mut written = self.written.lock().await;
        let read = async {
            let mut transaction = self.pool.begin().await?;
            let saved_at =
                sqlx::query_scalar("SELECT saved_at FROM snapshot").fetch_optional(&mut *transaction).await?;
            let snapshot = Snapshot {
                saved_at: saved_at.unwrap_or_default(),
                alerts: rows(&mut transaction, "SELECT key, body FROM alert ORDER BY key").await?,
                notifications: rows(&mut transaction, "SELECT key, body FROM notification ORDER BY key").await?,
                positions: positions(&mut transaction).await?,
            };
            Ok(snapshot)
        };
        let snapshot = read.await.map_err(|error| explain(&self.path, error))?;
        *written = Written { alerts: hashes(&snapshot.alerts), notifications: hashes(&snapshot.notifications) };
        Ok(snapshot)
    }

    /// Replaces what was saved by `snapshot`, in one transaction. Answers how many rows of the two
    /// tables had to be written or deleted.
    ///
    /// # Errors
    /// When it cannot be written; then the one before is still there.
    pub async fn save(&self, snapshot: &Snapshot) -> Result<usize, StoreError> {
        let mut written = self.written.lock().await;
        let next = Written { alerts: hashes(&snapshot.alerts), notifications: hashes(&snapshot.notifications) };
        let write = async {
            let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            let changed = replace(&mut transaction, &ALERT, &snapshot.alerts, &written.alerts, &next.alerts).await?
                + replace(
                    &mut transaction,
                    &NOTIFICATION,
                    &snapshot.notifications,
                    &written.notifications,
                    &next.notifications,
                )
                .await?;
            save_positions(&mut transaction, snapshot).await?;
            transaction.commit().await?;
            Ok(changed)
        };
        let changed = write.await.map_err(|error| explain(&self.path, error))?;
        *written = next;
        Ok(changed)
    }

    /// Ends all use of the file and folds the write-ahead log into it.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn check(&self) -> Result<(), StoreError> {
        let answer: Result<String, _> = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&self.pool).await;
        match answer {
            Ok(answer) if answer == "ok" => {
                self.load().await?;
                Ok(())
            }
            Ok(cause) => Err(StoreError::Corrupt { path: self.path.clone(), cause }),
            Err(error) => Err(explain(&self.path, error)),
        }
    }
}

/// The statements of one table of rows.
struct Table {
    upsert: &'static str,
    delete: &'static str,
}

const ALERT: Table = Table {
    upsert: "INSERT INTO alert (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body",
    delete: "DELETE FROM alert WHERE key = ?",
};

const NOTIFICATION: Table = Table {
    upsert: "INSERT INTO notification (key, body) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET body = excluded.body",
    delete: "DELETE FROM notification WHERE key = ?",
};

async fn replace(
    transaction: &mut Transaction<'_, Sqlite>,
    table: &Table,
    rows: &[Row],
    before: &HashMap<String, u64>,
    after: &HashMap<String, u64>,
) -> Result<usize, sqlx::Error> {
    let mut changed = 0;
    for row in rows.iter().filter(|row| before.get(&row.key) != after.get(&row.key)) {
        sqlx::query(table.upsert).bind(&row.key).bind(&row.body).execute(&mut **transaction).await?;
        changed += 1;
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        sqlx::query(table.delete).bind(key).execute(&mut **transaction).await?;
        changed += 1;
    }
    Ok(changed)
}

async fn save_positions(transaction: &mut Transaction<'_, Sqlite>, snapshot: &Snapshot) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM position").execute(&mut **transaction).await?;
    for position in &snapshot.positions {
        sqlx::query("INSERT INTO position (signal, sequence, at) VALUES (?, ?, ?)")
            .bind(position.signal as u8)
            .bind(position.sequence.cast_signed())
            .bind(position.offset.cast_signed())
            .execute(&mut **transaction)
            .await?;
    }
    sqlx::query(
        "INSERT INTO snapshot (id, saved_at) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET saved_at = excluded.saved_at",
    )
    .bind(snapshot.saved_at)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn rows(transaction: &mut Transaction<'_, Sqlite>, query: &'static str) -> Result<Vec<Row>, sqlx::Error> {
    let found = sqlx::query(query).fetch_all(&mut **transaction).await?;
    found.iter().map(|row| Ok(Row { key: row.try_get(0)?, body: row.try_get(1)? })).collect()
}

async fn positions(transaction: &mut Transaction<'_, Sqlite>) -> Result<Vec<SavedPosition>, sqlx::Error> {
    let found =
        sqlx::query("SELECT signal, sequence, at FROM position ORDER BY signal").fetch_all(&mut **transaction).await?;
    let mut positions = Vec::with_capacity(found.len());
    for row in found {
        let number: i64 = row.try_get(0)?;
        let (sequence, offset): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
        let signal = Signal::ALL.into_iter().find(|signal| i64::from(*signal as u8) == number);
        // A signal that this version does not know has no journal here.
        positions.extend(signal.map(|signal| SavedPosition {
            signal,
            sequence: sequence.cast_unsigned(),
            offset: offset.cast_unsigned(),
        }));
    }
    Ok(positions)
}

fn hashes(rows: &[Row]) -> HashMap<String, u64> {
    rows.iter().map(|row| (row.key.clone(), xxh3_64(row.body.as_bytes()))).collect()
}

fn explain(path: &Path, error: sqlx::Error) -> StoreError {
    let (path, cause) = (path.to_owned(), error.to_string());
    let code = error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<i32>().ok());
    match code {
        Some(code) if DAMAGED.contains(&(code & 0xff)) => StoreError::Corrupt { path, cause },
        _ => StoreError::Unusable { path, cause },
    }
}

fn explain_migration(path: &Path, error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_) => {
            StoreError::Newer { path: path.to_owned(), cause: error.to_string() }
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => explain(path, error),
        error => StoreError::Corrupt { path: path.to_owned(), cause: error.to_string() },
    }
}
