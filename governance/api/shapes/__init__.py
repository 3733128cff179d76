"""What goes in and out, as pydantic models with examples; one module for each noun."""
