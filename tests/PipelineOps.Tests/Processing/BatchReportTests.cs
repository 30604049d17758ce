namespace PipelineOps.Tests.Processing;

public sealed class BatchReportTests
{
    private static readonly string[] Records = ["a", "b", "c", "d"];

    [Fact]
    public async Task A_record_that_the_report_does_not_mention_is_failed_unknown_and_kept()
    {
        using var stage = new ProcessingStage();

        BatchResult result = await Process(stage, static (_, report) => report.Succeeded(0));

        Assert.Equal((1, 3), (result.CountOf(Disposition.Succeeded), result.CountOf(Disposition.FailedUnknown)));
        Assert.Equal(3, stage.Store.Kept.Count);
        Assert.All(stage.Store.Kept, kept => Assert.Equal((Disposition.FailedUnknown, DispositionReason.Unreported), (kept.Disposition, kept.Reason)));
        Assert.Equal(3, stage.Stage.Accounting.FailedUnknown);
    }

    [Fact]
    public async Task An_empty_report_is_no_success()
    {
        using var stage = new ProcessingStage();

        BatchResult result = await Process(stage, static (_, _) => { });

        Assert.Equal(4, result.CountOf(Disposition.FailedUnknown));
    }

    [Fact]
    public async Task Each_reported_error_is_recovered_on_its_own_and_needs_no_further_call()
    {
        using var stage = new ProcessingStage();

        BatchResult result = await Process(stage, static (_, report) =>
        {
            report.Failed(1, new FormatException("b is bad"));
            report.Filtered(2);
            report.OthersSucceeded();
        });

        Assert.Equal(
            [Disposition.Succeeded, Disposition.Quarantined, Disposition.Filtered, Disposition.Succeeded],
            Enumerable.Range(0, 4).Select(index => result[index].Disposition));
        Assert.Equal(("b is bad", 1), (result[1].Error!.Message, result.Calls));
    }

    [Fact]
    public async Task Records_with_a_passing_error_are_tried_again_without_the_others()
    {
        using var stage = new ProcessingStage();
        List<string> calls = [];

        BatchResult result = await Process(stage, (records, report) =>
        {
            calls.Add(string.Concat(records));
            for (int i = 0; i < records.Count; i++)
            {
                if (records[i] == "d" || (records[i] == "b" && calls.Count == 1))
                    report.Failed(i, new IOException(records[i]));
            }

            report.OthersSucceeded();
        });

        Assert.Equal(["abcd", "bd", "d", "d"], calls);
        Assert.Equal((3, Disposition.DeadLettered, 4), (result.CountOf(Disposition.Succeeded), result[3].Disposition, result[3].Attempts));
        Assert.Equal(2, result[1].Attempts);
    }

    [Fact]
    public async Task An_index_outside_of_the_batch_is_refused_with_the_range()
    {
        using var stage = new ProcessingStage();
        ArgumentOutOfRangeException? refused = null;

        await Process(stage, (_, report) =>
        {
            refused = Assert.Throws<ArgumentOutOfRangeException>(() => report.Succeeded(4));
            report.OthersSucceeded();
        });

        Assert.Contains("from 0 to 3", refused!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_report_of_a_handler_that_throws_does_not_count()
    {
        using var stage = new ProcessingStage();

        BatchResult result = await Process(stage, static (_, report) =>
        {
            report.Succeeded(0);
            throw new FormatException();
        });

        Assert.Equal(4, result.CountOf(Disposition.Quarantined));
    }

    private static Task<BatchResult> Process(ProcessingStage stage, Action<IReadOnlyList<string>, BatchReport> handle) => stage.Stage.ProcessBatchAsync(
        Records,
        (records, report, _) =>
        {
            handle(records, report);
            return default;
        },
        cancellationToken: ProcessingStage.Token).InTime();
}
