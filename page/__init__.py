"""The pages: rows of the database and finished bundles come in, what a person sees goes out."""
