"""Loss functions of embeddings, logits and labels."""
