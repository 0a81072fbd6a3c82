"""What everything else stands on: errors, parameters, measures, the keyed shuffle."""
