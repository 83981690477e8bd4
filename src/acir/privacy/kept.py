"""The short list of text and bytes that de-identification leaves in a file, by keyword.

Of the attributes that PS3.15 does not name, only these may keep words, codes or bytes; numbers
stay without being named, and everything else goes. Each is a code string with terms of the
standard, a name of a device or of a method, or the pixels themselves.
"""

from collections.abc import Mapping
from types import MappingProxyType

KEPT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "pixels and how they are shown": (
            *("PixelData", "FloatPixelData", "DoubleFloatPixelData", "SpectroscopyData"),
            *("RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData"),
            *("BluePaletteColorLookupTableData", "AlphaPaletteColorLookupTableData"),
            *("SegmentedRedPaletteColorLookupTableData", "LUTData", "LUTFunction"),
            *("SegmentedGreenPaletteColorLookupTableData", "PhotometricInterpretation"),
            *("SegmentedBluePaletteColorLookupTableData", "PresentationLUTShape", "RescaleType"),
            *("ModalityLUTType", "VOILUTFunction", "PixelPresentation", "ShutterShape", "Units"),
            *("PixelIntensityRelationship", "LossyImageCompression", "LossyImageCompressionMethod"),
            *("BurnedInAnnotation", "RecognizableVisualFeatures", "SpecimenLabelInImage"),
            *("RecommendedViewingMode", "MaskOperation", "SkipFrameRangeFlag"),
        ),
        "what kind of picture it is": (
            *("SpecificCharacterSet", "Modality", "ImageType", "FrameType", "SeriesType"),
            *(
                "ConversionType",
                "ContentQualification",
                "PresentationIntentType",
                "TypeOfInstances",
            ),
            *(
                "CalibrationImage",
                "ComplexImageComponent",
                "AcquisitionContrast",
                "AcquisitionType",
            ),
            *("VolumetricProperties", "VolumeBasedCalculationTechnique", "IVUSAcquisition"),
            *("StereoPairsPresent", "MultienergySourceTechnique", "MultienergyDetectorType"),
        ),
        "geometry and anatomy": (
            *("PatientOrientation", "PatientPosition", "BodyPartExamined", "Laterality"),
            *("ImageLaterality", "FrameLaterality", "ViewPosition", "AnatomicalOrientationType"),
            *("PlanesInAcquisition", "PlaneIdentification", "ReprojectionMethod", "OrganExposed"),
            *("DimensionOrganizationType", "GeometricalProperties", "StackID", "TissueLocation"),
            *(
                "PatientFrameOfReferenceSource",
                "UltrasoundAcquisitionGeometry",
                "InterpolationType",
            ),
            *("VolumeToTransducerRelationship", "OphthalmicImageOrientation", "DetectorGeometry"),
            *("OphthalmicVolumetricPropertiesFlag", "EquipmentCoordinateSystemIdentification"),
            *("FieldOfViewShape", "FieldOfViewHorizontalFlip", "OpticalPathIdentifier"),
            *("BreastImplantPresent", "PupilDilated", "PatientEyeMovementCommanded"),
        ),
        "how it was taken": (
            *("Manufacturer", "ManufacturerModelName", "SoftwareVersions", "ScanOptions"),
            *("ConvolutionKernel", "ConvolutionKernelGroup", "ReconstructionAlgorithm"),
            *("ReconstructionType", "IterativeReconstructionMethod", "DecompositionMethod"),
            *("ExposureControlMode", "ExposureModulationType", "ExposureControlSensingRegionShape"),
            *("RadiationMode", "RadiationSetting", "FluoroscopyFlag", "AnodeTargetMaterial"),
            *("FilterMaterial", "Grid", "CollimatorShape", "CollimatorType", "XRayReceptorType"),
            *("DetectorType", "IntensifierActiveShape", "PositionerType", "PositionerMotion"),
            *("PositionerPrimaryAngleDirection", "CArmPositionerTabletopRelationship"),
            *("TableMotion", "RotationDirection", "TypeOfDetectorMotion", "DistributionType"),
            *("AcquisitionStartCondition", "AcquisitionTerminationCondition", "Tagging"),
            *("AcquisitionTimeSynchronized", "SynchronizationTrigger", "ChannelMode"),
            *("ImageProcessingApplied", "ContrastBolusAgentAdministered"),
            *("ContrastBolusAgentDetected", "ContrastBolusAgentPhase", "InterventionStatus"),
            *("AcousticCouplingMediumFlag", "OperatingMode", "OperatingModeType", "ContactMethod"),
            *("CatheterDirectionOfRotation", "OCTAcquisitionDomain", "OCTZOffsetApplied"),
            *("RefractiveIndexApplied", "PositionMeasuringDeviceUsed", "DeviceDiameterUnits"),
            *("OphthalmicAxialLengthMethod", "LightSourcePolarization", "ConfocalMode"),
            *("ImmersionMedia", "FocusMethod", "ExtendedDepthOfField", "SettlingPhaseFrame"),
        ),
        "magnetic resonance": (
            *("ScanningSequence", "SequenceVariant", "MRAcquisitionType", "ResonantNucleus"),
            *("EchoPulseSequence", "MultipleSpinEcho", "MultiPlanarExcitation", "PhaseContrast"),
            *("TimeOfFlightContrast", "SteadyStatePulseSequence", "EchoPlanarPulseSequence"),
            *("Spoiling", "T2Preparation", "SaturationRecovery", "SpectrallySelectedSuppression"),
            *("SpectrallySelectedExcitation", "SpatialPresaturation", "OversamplingPhase"),
            *("GeometryOfKSpaceTraversal", "SegmentedKSpaceTraversal", "CoverageOfKSpace"),
            *("RectilinearPhaseEncodeReordering", "KSpaceFiltering", "PartialFourier"),
            *("PartialFourierDirection", "ParallelAcquisition", "ParallelAcquisitionTechnique"),
            *("InPlanePhaseEncodingDirection", "InversionRecovery", "FlowCompensation"),
            *("FlowCompensationDirection", "MagnetizationTransfer", "BloodSignalNulling"),
            *("DiffusionDirectionality", "DiffusionAnisotropyType", "GradientOutputType"),
            *("SpecificAbsorptionRateDefinition", "ReceiveCoilType", "QuadratureReceiveCoil"),
            *("MultiCoilElementUsed", "TransmitCoilType", "ASLContext", "ASLCrusherFlag"),
            *("ASLBolusCutoffFlag", "ArterialSpinLabelingContrast"),
        ),
        "heart and breath": (
            *("CardiacSynchronizationTechnique", "CardiacSignalSource", "BeatRejectionFlag"),
            *("CardiacBeatRejectionTechnique", "RespiratoryMotionCompensationTechnique"),
            *("RespiratorySignalSource", "RespiratoryTriggerType", "StartingRespiratoryPhase"),
            *(
                "EndingRespiratoryPhase",
                "BulkMotionCompensationTechnique",
                "BulkMotionSignalSource",
            ),
        ),
        "corrections of nuclear medicine": (
            *("CorrectedImage", "CountsSource", "DecayCorrection", "DecayCorrected"),
            *("AttenuationCorrected", "AttenuationCorrectionSource", "ScatterCorrected"),
            *("AttenuationCorrectionTemporalRelationship", "DeadTimeCorrected"),
            *("GantryMotionCorrected", "PatientMotionCorrected", "RandomsCorrected"),
            *(
                "RandomsCorrectionMethod",
                "CountLossNormalizationCorrected",
                "SensitivityCalibrated",
            ),
            *("NonUniformRadialSamplingCorrected", "DetectorNormalizationCorrection"),
            *("TimeOfFlightInformationUsed", "SliceProgressionDirection"),
        ),
        "radiotherapy": (
            *("DoseUnits", "DoseType", "DoseSummationType", "RTPlanGeometry", "BeamType"),
            *("RTPlanRelationship", "DoseReferenceStructureType", "DoseReferenceType"),
            *("RTBeamLimitingDeviceType", "RadiationType", "GantryRotationDirection"),
            *("BeamLimitingDeviceRotationDirection", "PatientSupportRotationDirection"),
            *("TableTopEccentricRotationDirection", "ApprovalStatus"),
        ),
        "annotations": (
            *("AnnotationCoordinateType", "AnnotationGroupGenerationType"),
            *("AnnotationAppliesToAllOpticalPaths", "AnnotationAppliesToAllZPlanes"),
            *("PointCoordinatesData", "DoublePointCoordinatesData", "FloatingPointValues"),
            *("LongPrimitivePointIndexList", "AnnotationIndexList"),
        ),
        "codes and the shape of reports": (
            *("CodeValue", "LongCodeValue", "CodingSchemeDesignator", "CodingSchemeVersion"),
            *("CodeMeaning", "ValueType", "RelationshipType", "ContinuityOfContent"),
            *("CompletionFlag", "VerificationFlag", "PreliminaryFlag", "GraphicType"),
            *("TemporalRangeType", "PixelOriginInterpretation", "MappingResource"),
            *("TemplateIdentifier", "SegmentationType", "SegmentAlgorithmType"),
            *("SegmentationFractionalType", "SegmentsOverlap", "AlgorithmType"),
            *("LongitudinalTemporalEventType", "ContourGeometricType", "UniversalEntityIDType"),
        ),
    }
)

REPLACED = (
    *("AcquisitionProtocolName", "AlgorithmName", "AlgorithmVersion", "ApplicationName"),
    *("ApplicationManufacturer", "ApplicationVersion", "MultiCoilElementName"),
    *("PulseSequenceName", "ReceiveCoilManufacturerName", "ReceiveCoilName", "SegmentLabel"),
    *("TrackingID", "TransmitCoilManufacturerName", "TransmitCoilName", "ContentLabel"),
    *("SegmentAlgorithmName", "TextValue", "UniversalEntityID"),
)
"""Text that anyone may type, and that an object without it would not be valid: a dummy stays."""

EMPTIED = ("ContentDescription", "PositionReferenceIndicator")
"""Likewise, where an object stays valid with nothing in its place."""
