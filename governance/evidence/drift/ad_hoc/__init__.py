"""Two tables side by side, when somebody asks (document 002's ``detect_data_drift``)."""
