-- Who asked for a job, so that workers can take turns between people, and how long each stage took,
-- so that the next run can say how long it will take.
-- submitter: an opaque name of a browser or a signed-in person; '' for the command line and for jobs
-- of before.
-- seconds: of the worker that finished the stage; NULL for stages of before.

ALTER TABLE job ADD COLUMN submitter TEXT NOT NULL DEFAULT '';
ALTER TABLE job_stage ADD COLUMN seconds REAL;
