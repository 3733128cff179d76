"""When figures are a finding, findings a severity, and looks at a model an alarm. All pure."""
