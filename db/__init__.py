"""What is kept: clips and jobs in one SQLite database; rows and pandas frames go out."""
