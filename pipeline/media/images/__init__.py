"""From encoded bytes to a stored image: sniffing, guards on cost, decoding, resampling, encoding."""
