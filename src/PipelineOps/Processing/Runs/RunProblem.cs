namespace PipelineOps;

/// <summary>Why a run fails.</summary>
internal sealed record RunProblem(string Sentence, Exception? Error = null)
{
    public string Sentence { get; } = Error is null ? Sentence : $"{Sentence} {Error.GetType().Name}: {ErrorMessage.Of(Error)}";
}
