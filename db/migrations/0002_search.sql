-- Search by sound and by word. `heard` is db.sounds.heard, which open_database registers.
ALTER TABLE clip ADD COLUMN sounds TEXT NOT NULL DEFAULT '';  -- heard(phonemes)
ALTER TABLE clip ADD COLUMN words INTEGER NOT NULL DEFAULT 0;  -- how many text_normalised has
UPDATE clip SET
    sounds = heard(phonemes),
    words = length(text_normalised) - length(replace(text_normalised, ' ', ''))
        + (text_normalised != '');
CREATE INDEX clip_word_count ON clip (words);

-- Both keep no copy of the text. Each three sounds in a row are a term: any part of three sounds
-- or more is found without reading the table. A = a diphthong, a = a vowel: case matters.
CREATE VIRTUAL TABLE clip_by_sound USING fts5 (
    sounds, content = 'clip', content_rowid = 'id', columnsize = 0,
    tokenize = 'trigram case_sensitive 1'
);
CREATE VIRTUAL TABLE clip_by_word USING fts5 (
    text_normalised, content = 'clip', content_rowid = 'id', columnsize = 0,
    tokenize = "unicode61 remove_diacritics 0 tokenchars ''''"
);
INSERT INTO clip_by_sound (clip_by_sound) VALUES ('rebuild');
INSERT INTO clip_by_word (clip_by_word) VALUES ('rebuild');

CREATE TRIGGER clip_added AFTER INSERT ON clip BEGIN
    UPDATE clip SET
        sounds = heard(NEW.phonemes),
        words = length(NEW.text_normalised) - length(replace(NEW.text_normalised, ' ', ''))
            + (NEW.text_normalised != '')
        WHERE id = NEW.id;
    INSERT INTO clip_by_sound (rowid, sounds) VALUES (NEW.id, heard(NEW.phonemes));
    INSERT INTO clip_by_word (rowid, text_normalised) VALUES (NEW.id, NEW.text_normalised);
END;
CREATE TRIGGER clip_removed AFTER DELETE ON clip BEGIN
    INSERT INTO clip_by_sound (clip_by_sound, rowid, sounds) VALUES ('delete', OLD.id, OLD.sounds);
    INSERT INTO clip_by_word (clip_by_word, rowid, text_normalised)
        VALUES ('delete', OLD.id, OLD.text_normalised);
END;
CREATE TRIGGER clip_changed AFTER UPDATE OF phonemes, text_normalised ON clip BEGIN
    INSERT INTO clip_by_sound (clip_by_sound, rowid, sounds) VALUES ('delete', OLD.id, OLD.sounds);
    INSERT INTO clip_by_word (clip_by_word, rowid, text_normalised)
        VALUES ('delete', OLD.id, OLD.text_normalised);
    UPDATE clip SET
        sounds = heard(NEW.phonemes),
        words = length(NEW.text_normalised) - length(replace(NEW.text_normalised, ' ', ''))
            + (NEW.text_normalised != '')
        WHERE id = NEW.id;
    INSERT INTO clip_by_sound (rowid, sounds) VALUES (NEW.id, heard(NEW.phonemes));
    INSERT INTO clip_by_word (rowid, text_normalised) VALUES (NEW.id, NEW.text_normalised);
END;
