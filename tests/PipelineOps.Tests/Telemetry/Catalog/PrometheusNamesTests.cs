namespace PipelineOps.Tests.Telemetry.Catalog;

public sealed class PrometheusNamesTests
{
    [Theory]
    [InlineData("cpu.usage", "1", InstrumentKind.Gauge, "cpu_usage", "cpu_usage_ratio")]
    [InlineData("share.ratio.now", "1", InstrumentKind.Gauge, "share_ratio_now", "share_now_ratio")]
    [InlineData("jobs.total.failed", "{job}", InstrumentKind.Counter, "jobs_total_failed_total", "jobs_failed_total")]
    [InlineData("wait.seconds.spent", "s", InstrumentKind.Histogram, "wait_seconds_spent_seconds", "wait_seconds_spent")]
    [InlineData("lag.milliseconds", "s", InstrumentKind.Gauge, "lag_milliseconds", "lag_milliseconds_seconds")]
    [InlineData("cost", "s/{call}", InstrumentKind.Gauge, "cost_s", "cost_seconds")]
    public void The_two_namings_are_told_apart_where_they_differ(string name, string unit, InstrumentKind kind, string byExporter, string byTranslator)
    {
        Assert.Equal((byExporter, byTranslator), (PrometheusNames.ByExporter(name, unit, kind), PrometheusNames.ByTranslator(name, unit, kind)));
    }

    [Theory]
    [InlineData("http.server.request.duration", "s", InstrumentKind.Histogram, "http_server_request_duration_seconds")]
    [InlineData("orders", "{order}", InstrumentKind.Counter, "orders_total")]
    [InlineData("orders.total", null, InstrumentKind.Counter, "orders_total")]
    [InlineData("items", "1", InstrumentKind.Counter, "items_total")]
    [InlineData("cpu.time", "s", InstrumentKind.Counter, "cpu_time_seconds_total")]
    [InlineData("db.bytes", "By", InstrumentKind.Counter, "db_bytes_total")]
    [InlineData("memory.usage", "By", InstrumentKind.UpDownCounter, "memory_usage_bytes")]
    [InlineData("throughput", "By/s", InstrumentKind.Gauge, "throughput_bytes_per_second")]
    [InlineData("requests", "1/s", InstrumentKind.Gauge, "requests_per_second")]
    [InlineData("requests", "{request}/s", InstrumentKind.Gauge, "requests_per_second")]
    [InlineData("share", null, InstrumentKind.Gauge, "share")]
    [InlineData("queue..length-now", "{record}", InstrumentKind.UpDownCounter, "queue_length_now")]
    [InlineData("disk.used", "%", InstrumentKind.Gauge, "disk_used_percent")]
    public void Both_namings_are_as_known_where_they_agree(string name, string? unit, InstrumentKind kind, string expected)
    {
        Assert.Equal((expected, expected), (PrometheusNames.ByExporter(name, unit, kind), PrometheusNames.ByTranslator(name, unit, kind)));
    }

    [Fact]
    public void Both_Prometheus_namings_agree_on_every_instrument()
    {
        Assert.NotEmpty(TelemetryCatalog.Instruments);
        Assert.DoesNotContain(
            TelemetryCatalog.Instruments.Select(static i => (i.Name, Exporter: PrometheusNames.ByExporter(i.Name, i.Unit, i.Kind), Translator: PrometheusNames.ByTranslator(i.Name, i.Unit, i.Kind))),
            static names => names.Exporter != names.Translator);
    }

    [Fact]
    public void No_two_instruments_have_a_series_of_one_name()
    {
        string[] names = [.. TelemetryCatalog.Instruments.SelectMany(PrometheusNames.SeriesOf)];

        Assert.Equal(names.Distinct(), names);
    }

    [Fact]
    public void Every_unit_is_one_that_both_know_or_an_annotation()
    {
        Assert.DoesNotContain(TelemetryCatalog.Instruments, static i => i.Unit is { } unit && !PrometheusNames.IsKnown(unit) && unit is not ['{', .., '}']);
    }
}
