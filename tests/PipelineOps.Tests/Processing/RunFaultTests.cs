namespace PipelineOps.Tests.Processing;

/// <summary>Runs whose source, token or circuit misbehaves.</summary>
public sealed class RunFaultTests
{
    [Fact]
    public async Task A_handler_may_keep_the_list_of_a_batch_of_one()
    {
        using var stage = new ProcessingStage();
        List<IReadOnlyList<int>> batches = [];

        await stage.Stage.ProcessAllAsync(
            Numbers(3),
            (IReadOnlyList<int> records, CancellationToken _) =>
            {
                batches.Add(records);
                return default;
            },
            new BatchRunOptions<int> { BatchSize = 1 },
            ProcessingStage.Token);

        Assert.Equal([[0], [1], [2]], batches);
    }

    private static async IAsyncEnumerable<int> Numbers(int count)
    {
        for (int i = 0; i < count; i++)
        {
            await Task.Yield();
            yield return i;
        }
    }
}
