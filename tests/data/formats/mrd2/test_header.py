"""A header of ISMRMRD becomes one of MRD 2 and back without losing what both can say."""

import datetime as dt
from xml.etree import ElementTree as ET

import ismrmrd
import mrd
import pytest

from recon.data.formats.header.xml import HeaderError, parse_xml
from recon.data.formats.mrd2.header import from_xml, to_xml

XML = """<?xml version="1.0"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
  <subjectInformation><patientWeight_kg>70.5</patientWeight_kg><patientID>17</patientID>
    <patientGender>F</patientGender></subjectInformation>
  <studyInformation><studyDate>2026-01-02</studyDate><studyInstanceUID>1.2.3</studyInstanceUID></studyInformation>
  <measurementInformation><measurementID>m1</measurementID><patientPosition>FFDR</patientPosition>
    <protocolName>T2 &lt;fast&gt;</protocolName>
    <measurementDependency><dependencyType>Noise</dependencyType><measurementID>m0</measurementID></measurementDependency>
    <frameOfReferenceUID>4.5</frameOfReferenceUID></measurementInformation>
  <acquisitionSystemInformation><systemFieldStrength_T>2.89362</systemFieldStrength_T>
    <relativeReceiverNoiseBandwidth>0.793</relativeReceiverNoiseBandwidth><receiverChannels>2</receiverChannels>
    <coilLabel><coilNumber>0</coilNumber><coilName>A</coilName></coilLabel>
    <coilLabel><coilNumber>1</coilNumber><coilName>B</coilName></coilLabel>
    <deviceID>d</deviceID></acquisitionSystemInformation>
  <experimentalConditions><H1resonanceFrequency_Hz>123200000</H1resonanceFrequency_Hz></experimentalConditions>
  <encoding>
    <encodedSpace><matrixSize><x>512</x><y>256</y><z>1</z></matrixSize>
      <fieldOfView_mm><x>440.6</x><y>220.3</y><z>4</z></fieldOfView_mm></encodedSpace>
    <reconSpace><matrixSize><x>256</x><y>256</y><z>1</z></matrixSize>
      <fieldOfView_mm><x>220.3</x><y>220.3</y><z>4</z></fieldOfView_mm></reconSpace>
    <encodingLimits>
      <kspace_encoding_step_1><minimum>0</minimum><maximum>255</maximum><center>128</center></kspace_encoding_step_1>
      <user_3><minimum>0</minimum><maximum>2</maximum><center>1</center></user_3></encodingLimits>
    <trajectory>cartesian</trajectory>
    <parallelImaging><accelerationFactor><kspace_encoding_step_1>2</kspace_encoding_step_1>
      <kspace_encoding_step_2>1</kspace_encoding_step_2></accelerationFactor>
      <calibrationMode>separate</calibrationMode></parallelImaging>
    <echoTrainLength>7</echoTrainLength>
  </encoding>
  <sequenceParameters><TR>8.5</TR><TE>3.25</TE><TE>6.5</TE><flipAngle_deg>90.0</flipAngle_deg>
    <sequence_type>Flash</sequence_type><echo_spacing>5.0</echo_spacing>
    <diffusionDimension>user_0</diffusionDimension></sequenceParameters>
  <userParameters><userParameterLong><name>n</name><value>-3</value></userParameterLong>
    <userParameterDouble><name>d</name><value>1e-07</value></userParameterDouble></userParameters>
</ismrmrdHeader>
"""


def entries(element: ET.Element, path: str = "") -> list[tuple[str, str]]:
    """List the texts of a tree with their places; numbers are brought to one spelling."""
    here = f"{path}/{element.tag}"
    if not len(element):
        text = (element.text or "").strip()
        try:
            return [(here, repr(float(text)))]
        except ValueError:
            return [(here, text)]
    return [entry for child in element for entry in entries(child, here)]


def test_nothing_is_lost_on_the_way_to_mrd_2_and_back() -> None:
    header = from_xml(XML, mrd.Header)
    assert header.encoding[0].encoding_limits.user_3.maximum == 2
    assert header.study_information.study_date == dt.date(2026, 1, 2)
    assert header.measurement_information.patient_position == mrd.PatientPosition.F_FDR
    again = to_xml(header)
    missing = set(entries(parse_xml(XML))) - set(entries(parse_xml(again)))
    assert not missing
    read = ismrmrd.xsd.CreateFromDocument(again)  # ISMRMRD's own reader, which knows the schema
    assert read.sequenceParameters.TE == [3.25, 6.5]
    assert read.encoding[0].encodedSpace.fieldOfView_mm.x == 440.6


@pytest.mark.parametrize(
    ("old", "new"),
    [("<x>512</x>", "<x>many</x>"), (">cartesian<", ">sideways<"), ("2026-01-02", "yesterday")],
)
def test_values_that_mrd_2_cannot_store_are_refused(old: str, new: str) -> None:
    with pytest.raises(HeaderError, match="MRD 2 cannot store"):
        from_xml(XML.replace(old, new), mrd.Header)
