"""Model governance: register, validate, promote and roll back models, and prove why each was in production."""
