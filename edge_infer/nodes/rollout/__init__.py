"""The rollout node: a gateway's new model, wave by wave."""
