"""What changed between two captures of the same services: facts paired by service, judged against noise."""
