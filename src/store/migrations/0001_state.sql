-- Rows are opaque to the database: JSON of the module that owns them, found by key.
CREATE TABLE alert (
    key  TEXT PRIMARY KEY NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notification (
    key  TEXT PRIMARY KEY NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How far into each signal's journal the state above has seen.
CREATE TABLE position (
    signal   INTEGER PRIMARY KEY NOT NULL,
    sequence INTEGER NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

-- When the state was saved, milliseconds since the Unix epoch.
CREATE TABLE snapshot (
    id       INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    saved_at INTEGER NOT NULL
) STRICT;
