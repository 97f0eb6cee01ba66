"""Control messages and the channel that carries them between launcher and agent."""
