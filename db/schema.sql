-- Version 1 of the database. Later versions are files in db/migrations, applied in order.
-- Times are Unix seconds (REAL). JSON columns hold objects as text.

CREATE TABLE clip (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE CHECK (length(sha256) = 64),  -- of the FLAC file's bytes
    path TEXT NOT NULL,  -- relative to the clip folder: ab/<sha256>.flac
    text TEXT NOT NULL,  -- as handed to the synthesiser
    text_normalised TEXT NOT NULL,
    phonemes TEXT NOT NULL,
    engine TEXT NOT NULL,
    voice TEXT NOT NULL,
    speaker TEXT NOT NULL,  -- who is really behind the voice: the key that splits are made by
    settings TEXT NOT NULL DEFAULT '{}',
    source TEXT NOT NULL,
    licence TEXT NOT NULL,
    seconds REAL NOT NULL CHECK (seconds > 0),
    rate_hz INTEGER NOT NULL CHECK (rate_hz > 0),
    created REAL NOT NULL
);
CREATE INDEX clip_text_normalised ON clip (text_normalised);
CREATE INDEX clip_engine_voice ON clip (engine, voice);

CREATE TABLE job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- links on the page hold it: never given twice
    phrase TEXT NOT NULL,
    preset TEXT NOT NULL,
    seed INTEGER NOT NULL,
    options TEXT NOT NULL DEFAULT '{}',
    state TEXT NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    stage TEXT NOT NULL DEFAULT '',
    fraction REAL NOT NULL DEFAULT 0 CHECK (fraction BETWEEN 0 AND 1),  -- of the stage
    eta_s REAL,  -- seconds until the stage ends, NULL when unknown
    detail TEXT NOT NULL DEFAULT '',
    worker TEXT,  -- who has it, or had it last
    attempts INTEGER NOT NULL DEFAULT 0,  -- how many times it was claimed
    heartbeat REAL,
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    result TEXT,
    error TEXT
);
CREATE INDEX job_state ON job (state, id);

CREATE TABLE job_stage (  -- finished stages, so that a job resumes after the last one
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    stage TEXT NOT NULL,
    payload TEXT NOT NULL DEFAULT '{}',
    finished REAL NOT NULL,
    PRIMARY KEY (job_id, stage)
);

CREATE TABLE job_event (
    id INTEGER PRIMARY KEY,
    job_id INTEGER NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    time REAL NOT NULL,
    kind TEXT NOT NULL,  -- log, metric
    payload TEXT NOT NULL
);
CREATE INDEX job_event_job ON job_event (job_id, kind, id);

CREATE TABLE worker (
    name TEXT PRIMARY KEY,
    pid INTEGER NOT NULL,
    started REAL NOT NULL,
    heartbeat REAL NOT NULL
);
