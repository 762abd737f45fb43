-- Which recordings of a corpus are known: an import asks by corpus and original file name.
CREATE INDEX clip_recording ON clip (source, json_extract(settings, '$.file'))
    WHERE engine = 'recording';
-- What was cut out of a recording: asked by the recording's hash.
CREATE INDEX clip_cut ON clip (json_extract(settings, '$.of')) WHERE engine = 'cut';
