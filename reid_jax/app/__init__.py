"""What all scripts share: options, the command line, data by name, runs, stages, reports."""
