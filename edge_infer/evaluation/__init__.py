"""How good and how fast a model is, measured through the pipeline that flies."""
