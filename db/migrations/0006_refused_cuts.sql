-- Words of a recording that were looked for and not found, so that no training listens for them
-- again.
CREATE TABLE refused_cut (
    recording TEXT NOT NULL,  -- sha256
    text TEXT NOT NULL,  -- normalised
    PRIMARY KEY (recording, text)
) WITHOUT ROWID;

CREATE TRIGGER refused_cut_of_deleted AFTER DELETE ON clip WHEN OLD.engine = 'recording'
BEGIN
    DELETE FROM refused_cut WHERE recording = OLD.sha256;
END;
