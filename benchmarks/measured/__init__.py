"""What is timed: each module runs in a process of its own, some of them with the peers' interpreter."""
