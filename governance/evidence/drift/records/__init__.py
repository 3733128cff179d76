"""What the database keeps of drift: profiles, baselines, reports, detections, calibrations."""
