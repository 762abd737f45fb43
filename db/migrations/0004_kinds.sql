-- How many clips of an engine or a source have so many words, without looking at the rows.
DROP INDEX clip_engine_voice;
DROP INDEX clip_word_count;
CREATE INDEX clip_kind ON clip (engine, source, words);
