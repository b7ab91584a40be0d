"""Who is there: signs of life, accusations and denials."""
