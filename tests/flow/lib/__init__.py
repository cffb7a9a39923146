"""What the flow tests are made of: a real gateway, scripted peers, and ways to wait."""
