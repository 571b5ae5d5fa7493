"""The rooms of the synthetic street: person, camera, place, walk, crop and video; `data.synthetic` is its door."""
