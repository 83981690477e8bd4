"""Parts of `acir stress`: which pictures, how they are corrupted, who judges them."""
