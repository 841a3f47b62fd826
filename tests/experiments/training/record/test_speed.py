from recon.experiments.training.record.speed import SpeedMeter


def test_meter_counts_waiting_as_part_of_working_and_is_reset() -> None:
    meter = SpeedMeter()
    with meter.working():
        meter.slices += 3
        with meter.waiting():
            sum(range(10000))
    read = meter.read(processes=2)
    assert read["slices_per_second"] > 0
    assert 0 < read["data_wait"] <= 1
    assert meter == SpeedMeter()
