"""Everything that speaks DICOM."""
