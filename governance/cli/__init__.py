"""The command line: `governance NOUN VERB`."""
