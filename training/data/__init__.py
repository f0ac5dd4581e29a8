"""From files to the batches that any Ferret checkpoint trains on: stores, mixtures, encoding, packing, the pipeline."""
