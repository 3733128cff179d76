"""The retrain cycle's own steps: data sources, splits, trainers, and the cycle that joins them."""
