"""The questions a report answers, each a section made from the run."""
