"""The promise of durability: from an accepted batch to rows that survive a crash."""
