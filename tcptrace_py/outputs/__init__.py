"""Facts -> documents: `formats` holds one file per format, `views` what people read; both print the same facts."""
